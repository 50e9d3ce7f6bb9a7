import { scopeSignal } from './scopeSignal'

/** Keeps the focused field above the on-screen keyboard, and in view when a phone is turned or the page is zoomed, until the scope it is called in ends. */
export function useFieldInView(): void {
  const show = () => {
    const { activeElement } = document
    if (activeElement?.matches('.new-todo, .edit, .list-title')) activeElement.scrollIntoView({ block: 'nearest' })
  }
  window.visualViewport?.addEventListener('resize', show, { signal: scopeSignal() })
}
