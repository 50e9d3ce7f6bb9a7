import { openDB, type DBSchema, type IDBPDatabase } from 'idb'
import type { Operation, Todo } from '@/todos/todo'
import type { Problem } from '@/api/decode'

/**
 * An operation on its way to the server.
 * - `waiting`: no answer yet. It may have landed all the same; its id makes sending it again safe.
 * - `landed`: in the list at `revision`. Kept until a snapshot of that revision is stored, so that the
 *   list on this device never looks as if the change had been lost.
 * - `refused`: the server said no. Kept until the person has dismissed the word about it.
 */
export interface StoredEntry {
  readonly list: string
  readonly operation: Operation
  /** The title of the item that it concerns, for sentences about it. */
  readonly about: string
  readonly state: 'waiting' | 'landed' | 'refused'
  readonly revision?: number
  readonly problem?: Problem
}

interface Schema extends DBSchema {
  operations: { key: number; value: StoredEntry & { key: number }; indexes: { list: string } }
  // `at` is when the list was known to be this, by this device's clock; versions before that member wrote none.
  snapshots: { key: string; value: { list: string; revision: number; todos: readonly Todo[]; at?: number } }
  visits: { key: number; value: { key: number; list: string }; indexes: { list: string } }
}

export type Database = IDBPDatabase<Schema>

/** Why changes cannot be kept on this device, in a sentence. */
export class StorageTrouble extends Error {
  override readonly name = 'StorageTrouble'
}

const version = 1

// Some browsers never answer: a profile on a full or broken disk, a version change that another tab blocks.
const patience = 5_000

/**
 * Opens the page's database. Throws StorageTrouble where the browser forbids it or does not answer, and where a newer
 * version of the page has changed it already. It may close later: cleared by the person, or given up for
 * a newer version of the page in another tab.
 */
export async function openDatabase(name = 'todos'): Promise<Database> {
  let timer: ReturnType<typeof setTimeout> | undefined
  try {
    const opening = openDB<Schema>(name, version, {
      upgrade(db) {
        db.createObjectStore('operations', { keyPath: 'key', autoIncrement: true }).createIndex('list', 'list')
        db.createObjectStore('snapshots', { keyPath: 'list' })
        db.createObjectStore('visits', { keyPath: 'key', autoIncrement: true }).createIndex('list', 'list')
      },
      blocking(_current, _blocked, event) {
        ;(event.target as IDBDatabase).close()
      },
    })
    let late = false
    const slow = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        late = true
        reject(new StorageTrouble('This browser does not open the page’s storage.'))
      }, patience)
    })
    opening.then((opened) => late && opened.close(), () => undefined)
    return await Promise.race([opening, slow])
  } catch (cause) {
    throw storageTrouble(cause)
  } finally {
    clearTimeout(timer)
  }
}

let asked = false

/** Asks the browser not to delete what is kept when space runs short. Once: some browsers ask the person. */
export async function persist(): Promise<void> {
  if (asked) return
  asked = true
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- missing in insecure contexts, which the types do not say
  await globalThis.navigator?.storage?.persist?.().catch(() => false)
}

/** The sentence for an error that IndexedDB gave. */
export function storageTrouble(cause: unknown): StorageTrouble {
  if (cause instanceof StorageTrouble) return cause
  const name = cause instanceof DOMException ? cause.name : ''
  const sentence =
    name === 'QuotaExceededError'
      ? 'There is no space left on this device to keep unsaved changes.'
      : name === 'VersionError'
        ? 'A newer version of this page has used this browser’s storage. Reload the page.'
        : name === 'InvalidStateError'
          ? 'This page’s storage was closed, by the browser or by a newer version of the page in another tab. Reload the page.'
          : 'This browser does not let the page keep anything on this device.'
  return new StorageTrouble(sentence, { cause })
}
