// In localStorage, not IndexedDB: they are needed before the first paint.
const prefix = 'todos.'

/** The browser's storage for small texts, or null where it forbids storage: then it is missing, or throws. */
export function localStore(): Storage | null {
  try {
    return (globalThis as Partial<typeof globalThis>).localStorage ?? null
  } catch {
    return null
  }
}

/** What the person chose on this device, or null. */
export function preference(name: string): string | null {
  return localStore()?.getItem(prefix + name) ?? null
}

/** Remembers a choice on this device, if the browser lets it. */
export function prefer(name: string, value: string): void {
  try {
    localStore()?.setItem(prefix + name, value)
  } catch {
    // no space is left: it lasts as long as the page is open
  }
}
