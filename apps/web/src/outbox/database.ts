import { openDB, type DBSchema, type IDBPDatabase } from 'idb'
import type { Operation, Todo } from '@/todos/todo'
import type { Problem } from '@/api/decode'

/**
 * An operation on its way to the server.
 * - `waiting`: no answer yet. It may have landed all the same; its id makes sending it again safe.
 * - `landed`: in the list at `revision`. Kept until a snapshot of that revision is stored, so that the
 *   list on this device never looks as if the change had been lost.
 * - `refused`: the server said no. Kept until the person has dismissed the notice about it.
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
  // `at` is when the list was known to be this, by this device's clock. Earlier versions wrote no `at` and no `title`.
  snapshots: { key: string; value: { list: string; revision: number; todos: readonly Todo[]; title?: string; at?: number } }
  visits: { key: number; value: { key: number; list: string }; indexes: { list: string } }
  keys: { key: string; value: { list: string; key: string } } // of private lists
}

export type Database = IDBPDatabase<Schema>

/**
 * Why changes cannot be kept on this device.
 * - `silent`: the browser has not opened the database yet, or not carried out what it was asked for.
 * - `full`: no space is left.
 * - `newer`: a newer version of the page has changed the database.
 * - `closed`: the browser closed it, as Safari does in the background. The outbox opens it again.
 * - `forbidden`: the browser keeps nothing.
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

/** 1 had no `keys`. */
const version = 2

/**
 * Opens the page's database, however long the browser takes. Throws StorageTrouble where it forbids that, and where a newer
 * version of the page has changed the database already. It may close later: cleared by the person, or given up for
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

/** Returns the database, opened again, once for all callers, if the browser closed it. */
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
 * Waits for an answer of the database, for callers that also work without it: throws StorageTrouble of kind `silent` if none came in time. It may still
 * come later. Some browsers never answer: a profile on a full or broken disk, a version change or a transaction that another tab holds up.
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

/** The names of the lists with operations that wait, or of which the person is to be told. */
export async function listsIn(database: Database): Promise<string[]> {
  const names: string[] = []
  for (let cursor = await database.transaction('operations').store.index('list').openKeyCursor(null, 'nextunique'); cursor; cursor = await cursor.continue()) names.push(cursor.key)
  return names
}

let asked = false

/** Asks the browser not to delete what is kept when space runs short. Once: some browsers ask the person. */
export async function persist(): Promise<void> {
  if (asked) return
  asked = true
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- missing in insecure contexts, which the types do not say
  await globalThis.navigator?.storage?.persist?.().catch(() => false)
}

/** What an error that IndexedDB gave means. */
export function storageTrouble(cause: unknown): StorageTrouble {
  if (cause instanceof StorageTrouble) return cause
  const name = cause instanceof DOMException ? cause.name : ''
  const kinds: Partial<Record<string, StorageTroubleKind>> = { QuotaExceededError: 'full', VersionError: 'newer', InvalidStateError: 'closed', UnknownError: 'closed', AbortError: 'closed' }
  return new StorageTrouble(kinds[name] ?? 'forbidden', { cause })
}
