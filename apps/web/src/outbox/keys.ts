import type { Database } from './database'
import { accessOf, type ListKey } from '@/todos/listKey'

/** Stores the key of a private list on this device. A key to edit is not replaced by one to read. */
export async function keepKey(database: Database, key: ListKey): Promise<void> {
  const transaction = database.transaction('keys', 'readwrite', { durability: 'strict' })
  const kept = (await transaction.store.get(key.list))?.key ?? ''
  if (accessOf(kept) !== 'edit') await transaction.store.put({ list: key.list, key: key.text })
  await transaction.done
}

/** Returns the stored key of a list, if there is one. */
export async function keptKey(database: Database, list: string): Promise<string | undefined> {
  return (await database.get('keys', list))?.key
}

/** Deletes the stored data of a list that has moved: its key, its visits and its snapshot. */
export async function dropList(database: Database, list: string): Promise<void> {
  const transaction = database.transaction(['keys', 'snapshots', 'visits'], 'readwrite')
  await transaction.objectStore('keys').delete(list)
  await transaction.objectStore('snapshots').delete(list)
  const visits = transaction.objectStore('visits')
  for (const key of await visits.index('list').getAllKeys(list)) await visits.delete(key)
  await transaction.done
}
