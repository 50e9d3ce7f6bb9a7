import { isOldPrivate, isPrivate } from '@/todos/listKey'
import type { Database } from './database'

/** The data of a list that `forget` deleted. */
export interface Forgotten {
  readonly visits: readonly { readonly key: number; readonly list: string }[]
  readonly key: string | null
}

/** Maximum number of stored visits to lists with chosen names. All private lists are stored, since their names cannot be guessed. */
const kept = 8

/**
 * Stores that a list was opened, and returns the other lists that were opened on this device, latest first.
 */
export async function visit(database: Database, list: string | null): Promise<string[]> {
  const transaction = database.transaction('visits', 'readwrite')
  const { store } = transaction
  if (list !== null) {
    for (const key of await store.index('list').getAllKeys(list)) await store.delete(key)
    await store.add({ list } as { list: string; key: number })
  }
  // Keys count up, so that the order of visits does not depend on the clock.
  const visits = (await store.getAll()).reverse()
  const named = visits.filter((entry) => !isPrivate(entry.list) && !isOldPrivate(entry.list))
  const dropped = new Set(named.slice(kept))
  for (const { key } of dropped) await store.delete(key)
  await transaction.done
  return visits.filter((entry) => !dropped.has(entry) && entry.list !== list).map((entry) => entry.list)
}

/** Returns the list that was opened last on this device, or null. */
export async function lastVisited(database: Database): Promise<string | null> {
  const cursor = await database.transaction('visits').store.openCursor(null, 'prev')
  return cursor?.value.list ?? null
}

/**
 * Deletes a list's visits and key from this device, but keeps the key while changes wait for it; the list stays on the server.
 * Returns the argument of `remember`, which undoes it.
 */
export async function forget(database: Database, list: string): Promise<Forgotten> {
  const transaction = database.transaction(['visits', 'keys', 'operations'], 'readwrite')
  const store = transaction.objectStore('visits')
  const visits = await store.index('list').getAll(list)
  for (const { key } of visits) await store.delete(key)
  const keys = transaction.objectStore('keys')
  const waiting = await transaction.objectStore('operations').index('list').count(list)
  const key = waiting === 0 ? ((await keys.get(list))?.key ?? null) : null
  if (key !== null) await keys.delete(list)
  await transaction.done
  return { visits, key }
}

/** Undoes `forget`. */
export async function remember(database: Database, { visits, key }: Forgotten): Promise<void> {
  const transaction = database.transaction(['visits', 'keys'], 'readwrite')
  for (const visit of visits) {
    await transaction.objectStore('visits').put(visit)
    if (key !== null) await transaction.objectStore('keys').put({ list: visit.list, key })
  }
  await transaction.done
}

/** Returns the stored titles of lists; lists without one are omitted. */
export async function titlesOf(database: Database, lists: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const { store } = database.transaction('snapshots')
  const snapshots = await Promise.all(lists.map((list) => store.get(list)))
  return new Map(snapshots.flatMap((snapshot) => (snapshot?.title ? [[snapshot.list, snapshot.title]] : [])))
}
