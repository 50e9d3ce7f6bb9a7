// Communication between the tabs of a browser, besides the database. Locks and channels are missing in insecure contexts and if the person has
// forbidden storage. Each tab then acts alone; the ids of operations make it harmless that several send.

/** Returns the browser's Web Locks, if this page may use them. */
export function tabLocks(): LockManager | undefined {
  try {
    const { localStorage: _, navigator } = globalThis as Partial<typeof globalThis> // the first throws where nothing may be kept: locks would reject, but only later
    return (navigator as Partial<Navigator> | undefined)?.locks
  } catch {
    return undefined
  }
}

/** Returns a channel to the other tabs, if this page may use one. */
export function tabChannel(name: string): BroadcastChannel | null {
  try {
    return new BroadcastChannel(name)
  } catch {
    return null
  }
}
