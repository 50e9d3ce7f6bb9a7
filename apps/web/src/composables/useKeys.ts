import { ref, watch } from 'vue'
import { followPreference, prefer, preference } from '@/outbox/preferences'
import { isComposing } from './composing'
import { scopeSignal } from './scopeSignal'

/** Actions of the page's keys. Keys without an action, as on a read-only list, are left to the browser. */
export interface Keys {
  undo?: () => void
  /** Goes to the field for new items. */
  add?: () => void
  /** Shows the list of keys. */
  help: () => void
}

/** Whether keys without Ctrl or ⌘ are active: speech input may press them by accident (WCAG 2.1.4). Stored on this device. */
export const singleKeys = ref(preference('single-keys') !== 'off')
watch(singleKeys, (on) => prefer('single-keys', on ? 'on' : 'off'))
followPreference('single-keys', (value) => (singleKeys.value = value !== 'off'))

// In text fields keys type, and Ctrl+Z is the browser's undo.
const text = 'input:not([type=checkbox], [type=button], [type=submit]), textarea, select, [contenteditable]'

/** Handles the page's keys, except in text fields and dialogs, until the scope it is called in ends. */
export function useKeys(keys: Keys): void {
  function onKey(event: KeyboardEvent) {
    if (event.defaultPrevented || event.altKey || isComposing(event)) return
    if (event.target instanceof Element && event.target.closest(`${text}, dialog`)) return
    const command = event.ctrlKey || event.metaKey
    // By the character, not the position: layouts differ, and / may need Shift.
    let act: (() => void) | undefined
    if (command && !event.shiftKey && event.key.toLowerCase() === 'z') act = keys.undo
    else if (command || !singleKeys.value) return
    else if (event.key === '/') act = keys.add
    else if (event.key === '?') act = keys.help
    if (!act) return
    event.preventDefault()
    act()
  }
  window.addEventListener('keydown', onKey, { signal: scopeSignal() })
}
