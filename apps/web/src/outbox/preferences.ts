// Preferences are in localStorage, not IndexedDB, because they are needed before the first paint.
const prefix = 'todos.'

/** Returns the browser's localStorage, or null if storage is forbidden: then it is missing, or throws. */
export function localStore(name: 'localStorage' | 'sessionStorage' = 'localStorage'): Storage | null {
  try {
    return (globalThis as Partial<typeof globalThis>)[name] ?? null
  } catch {
    return null
  }
}

/** Returns the text that was typed in this tab for a list but not added. It survives a reload, a crash and a discarded tab. */
export function draft(list: string): string {
  return localStore('sessionStorage')?.getItem(`${prefix}draft ${list}`) ?? ''
}

export function keepDraft(list: string, text: string): void {
  try {
    localStore('sessionStorage')?.setItem(`${prefix}draft ${list}`, text)
  } catch {
    // no space is left
  }
}

/** Returns a choice of the person on this device, or null. */
export function preference(name: string): string | null {
  return localStore()?.getItem(prefix + name) ?? null
}

/** Stores a choice on this device, if the browser permits it. */
export function prefer(name: string, value: string): void {
  try {
    localStore()?.setItem(prefix + name, value)
  } catch {
    // no space is left: it lasts as long as the page is open
  }
}

/** Calls `changed` with a choice made in another window, or made while this page was in the back/forward cache. */
export function followPreference(name: string, changed: (value: string) => void): void {
  const follow = () => {
    const value = preference(name)
    if (value !== null) changed(value)
  }
  window.addEventListener('storage', follow)
  window.addEventListener('pageshow', follow)
}
