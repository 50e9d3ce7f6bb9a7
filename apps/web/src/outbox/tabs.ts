// How the tabs of one browser reach each other, other than by the database. Both are missing in insecure contexts and where the person has
// forbidden the page to keep anything. Each tab then acts alone; the ids of operations make it harmless that several send.

/** The browser's locks, if this page may use them. */
export function tabLocks(): LockManager | undefined {
  try {
    const { localStorage: _, navigator } = globalThis as Partial<typeof globalThis> // the first throws where nothing may be kept: locks would reject, but only later
    return (navigator as Partial<Navigator> | undefined)?.locks
  } catch {
    return undefined
  }
}

/** A channel of that name to the other tabs, if this page may have one. */
export function tabChannel(name: string): BroadcastChannel | null {
  try {
    return new BroadcastChannel(name)
  } catch {
    return null
  }
}
