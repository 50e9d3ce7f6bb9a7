import type { Database } from './database'

const kept = 8

/** Notes that a list was opened, and gives the lists opened before on this device, the latest first and without this one. */
export async function visit(database: Database, list: string | null): Promise<string[]> {
  const transaction = database.transaction('visits', 'readwrite')
  const { store } = transaction
  if (list !== null) {
    for (const key of await store.index('list').getAllKeys(list)) await store.delete(key)
    await store.add({ list } as { list: string; key: number })
  }
  // Keys count up: the order of visits, whatever the clock says.
  const visits = (await store.getAll()).reverse()
  for (const { key } of visits.slice(kept)) await store.delete(key)
  await transaction.done
  return visits.slice(0, kept).map((entry) => entry.list).filter((name) => name !== list)
}

/** Forgets a list on this device: that it was visited, not what is in it. */
export async function forget(database: Database, list: string): Promise<void> {
  const transaction = database.transaction('visits', 'readwrite')
  for (const key of await transaction.store.index('list').getAllKeys(list)) await transaction.store.delete(key)
  await transaction.done
}
