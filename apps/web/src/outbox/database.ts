import { openDB, type DBSchema, type IDBPDatabase } from 'idb'
import type { Operation, Todo } from '@/todos/todo'
import type { Problem } from '@/api/decode'

/**
 * An operation on its way to the server.
 * - `waiting`: no response yet. It may have landed; its id makes sending it again safe.
 * - `landed`: in the list at `revision`. Kept until a snapshot of that revision is stored, so that the
 *   list on this device never looks as if the change had been lost.
 * - `refused`: refused by the server. Kept until the person has dismissed the notice about it.
 */
export interface StoredEntry {
  readonly list: string
  readonly operation: Operation
  /** Title of its item, for notices. */
  readonly about: string
  readonly state: 'waiting' | 'landed' | 'refused'
  readonly revision?: number
  readonly problem?: Problem
}

interface Schema extends DBSchema {
  operations: { key: number; value: StoredEntry & { key: number }; indexes: { list: string } }
  // `at` is the time when the snapshot was current, by this device's clock. Earlier versions stored neither `at` nor `title`.
  snapshots: { key: string; value: { list: string; revision: number; todos: readonly Todo[]; title?: string; at?: number } }
  visits: { key: number; value: { key: number; list: string }; indexes: { list: string } }
  keys: { key: string; value: { list: string; key: string } } // of private lists
}

export type Database = IDBPDatabase<Schema>

/**
 * Why changes cannot be stored on this device.
 * - `silent`: the browser has not opened the database or completed a request yet.
 * - `full`: no space is left.
 * - `newer`: a newer version of the page has changed the database.
 * - `closed`: the browser closed it, as Safari does in the background. The outbox reopens it.
 * - `forbidden`: the browser stores nothing.
 */
export type StorageTroubleKind = 'silent' | 'full' | 'newer' | 'closed' | 'forbidden'

export class StorageTrouble extends Error {
  override readonly name = 'StorageTrouble'
  readonly kind: StorageTroubleKind

  constructor(kind: StorageTroubleKind, options?: ErrorOptions) {
    super(kind, options)
    this.kind = kind
  }
}

/** Version 1 had no `keys`. */
const version = 2

/**
 * Opens the page's database, without a time limit. Throws StorageTrouble if the browser forbids it, or if a newer
 * version of the page has changed the database. It may be closed later: cleared by the person, or released for
 * a newer version of the page in another tab.
 */
export async function openDatabase(): Promise<Database> {
  try {
    return await openDB<Schema>('todos', version, {
      upgrade(db, before) {
        if (before < 1) {
          db.createObjectStore('operations', { keyPath: 'key', autoIncrement: true }).createIndex('list', 'list')
          db.createObjectStore('snapshots', { keyPath: 'list' })
          db.createObjectStore('visits', { keyPath: 'key', autoIncrement: true }).createIndex('list', 'list')
        }
        if (before < 2) db.createObjectStore('keys', { keyPath: 'list' })
      },
      blocking(_current, _blocked, event) {
        ;(event.target as IDBDatabase).close()
      },
    })
  } catch (cause) {
    throw storageTrouble(cause)
  }
}

const successors = new WeakMap<Database, Promise<Database>>()

/** Returns the database. If the browser closed it, it is reopened, once for all callers. */
export async function usable(database: Promise<Database>): Promise<Database> {
  const opened = await database
  try {
    opened.transaction('keys') // throws if closed
    return opened
  } catch {
    const next = successors.get(opened) ?? openDatabase()
    successors.set(opened, next)
    next.catch(() => successors.delete(opened)) // to try again
    return usable(next)
  }
}

/**
 * Waits for the database, for callers that also work without it: throws StorageTrouble of kind `silent` after a time limit. The result may still
 * come later, or never: a profile on a full or broken disk, or another tab that blocks a version change or a transaction.
 */
export async function soon<T>(answer: Promise<T>, patience = 5_000): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const silent = new Promise<never>((_, reject) => (timer = setTimeout(() => reject(new StorageTrouble('silent')), patience)))
  try {
    return await Promise.race([answer, silent])
  } finally {
    clearTimeout(timer)
  }
}

/** Returns the names of the lists with waiting or refused operations. */
export async function listsIn(database: Database): Promise<string[]> {
  const names: string[] = []
  for (let cursor = await database.transaction('operations').store.index('list').openKeyCursor(null, 'nextunique'); cursor; cursor = await cursor.continue()) names.push(cursor.key)
  return names
}

let asked = false

/** Asks the browser, once, not to delete stored data when space runs short. Some browsers ask the person. */
export async function persist(): Promise<void> {
  if (asked) return
  asked = true
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- missing in insecure contexts, which the types do not say
  await globalThis.navigator?.storage?.persist?.().catch(() => false)
}

/** Returns the StorageTrouble that an error of IndexedDB means. */
export function storageTrouble(cause: unknown): StorageTrouble {
  if (cause instanceof StorageTrouble) return cause
  const name = cause instanceof DOMException ? cause.name : ''
  const kinds: Partial<Record<string, StorageTroubleKind>> = { QuotaExceededError: 'full', VersionError: 'newer', InvalidStateError: 'closed', UnknownError: 'closed', AbortError: 'closed' }
  return new StorageTrouble(kinds[name] ?? 'forbidden', { cause })
}
