// In localStorage, not IndexedDB: they are needed before the first paint. It is missing or throws where the browser forbids storage.
const prefix = 'todos.'

/** What the person chose on this device, or null. */
export function preference(name: string): string | null {
  try {
    return localStorage.getItem(prefix + name)
  } catch {
    return null
  }
}

/** Remembers a choice on this device, if the browser lets it. */
export function prefer(name: string, value: string): void {
  try {
    localStorage.setItem(prefix + name, value)
  } catch {
    // it lasts as long as the page is open
  }
}
