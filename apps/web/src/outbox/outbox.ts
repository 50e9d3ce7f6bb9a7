import { maxBatch } from '@/api/batch'
import { undecided, type OperationResult } from '@/api/decode'
import type { Operation, Snapshot } from '@/todos/todo'
import { persist, soon, storageTrouble, usable, type Database, type StorageTrouble, type StoredEntry } from './database'
import { tabChannel } from './tabs'

export interface Entry extends StoredEntry {
  /** Whether the entry is on disk, so that it survives the tab. */
  readonly kept: boolean
}

export interface OutboxEvents {
  /** `entries` was replaced. */
  changed(): void
  /** Another tab has stored a newer state of the list. */
  stored(snapshot: Snapshot & { at?: number }): void
  /** Entries could not be stored; they are in `entries` and will be sent while the page is open. Null when all are stored. */
  troubled(trouble: StorageTrouble | null): void
}

/** Channel on which tabs name a list whose stored outbox has changed. */
export const channelName = 'todo-outbox'

/**
 * The changes to one list that the server has not confirmed, in the order in which they were made, stored on
 * disk. All tabs of the browser share them. A change is in
 * `entries` as soon as `add` returns, and on disk when its promise is fulfilled.
 */
export class Outbox {
  #entries: readonly Entry[] = []
  // Database steps run one after the other, so that each reads what the one before it wrote.
  #turn: Promise<unknown>
  #database: Database | null = null
  // Database keys of operations, by id. Not in the entries, since an entry may be removed before its key is known.
  readonly #keys = new Map<string, number>()
  #unstored: ({ list: string; at: number } & Snapshot) | null = null // the snapshot that is to be on disk and is not yet
  readonly #list: string
  readonly #events: OutboxEvents
  readonly #channel: BroadcastChannel | null

  /** @param database the database; until it opens, changes are held in memory, and `troubled` says so after some seconds */
  constructor(list: string, database: Promise<Database>, events: OutboxEvents) {
    this.#list = list
    this.#events = events
    this.#turn = soon(database).then(
      (opened) => (this.#database = opened),
      (trouble: unknown) => {
        events.troubled(storageTrouble(trouble))
        database.then((opened) => this.#take(opened), () => undefined)
      },
    )
    this.#channel = tabChannel(channelName)
    this.#channel?.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
      if (data === list) void this.refresh()
    })
  }

  get entries(): readonly Entry[] {
    return this.#entries
  }

  /** Reads the entries that this and other tabs have stored. */
  refresh(): Promise<void> {
    return this.#step(async (database) => {
      const transaction = database.transaction(['operations', 'snapshots'])
      const [stored, snapshot] = await Promise.all([
        transaction.objectStore('operations').index('list').getAll(this.#list),
        transaction.objectStore('snapshots').get(this.#list),
      ])
      // The snapshot first, since the entries that it contains are no longer on disk. Not a snapshot that is about to be
      // replaced: after a reset the new one has a lower revision.
      if (snapshot && !this.#unstored) this.#events.stored(snapshot)
      for (const entry of stored) this.#keys.set(entry.operation.id, entry.key)
      this.#replace([...stored.map((entry) => ({ ...entry, kept: true })), ...this.#entries.filter((entry) => !this.#keys.has(entry.operation.id))])
    })
  }

  /** Appends operations, whose ids must be different. */
  add(operations: readonly { operation: Operation; about: string }[]): Promise<void> {
    const added = operations.map(({ operation, about }): Entry => ({ list: this.#list, operation, about, state: 'waiting', kept: false }))
    this.#replace([...this.#entries, ...added])
    return this.#step((database) => this.#keep(database))
  }

  /** Stores all entries that are not stored yet, including those that there was no space for. */
  async #keep(database: Database) {
    const added = this.#entries.filter((entry) => !entry.kept)
    // Strict: a change that the page reports as stored must survive a power cut.
    const transaction = database.transaction('operations', 'readwrite', { durability: 'strict' })
    const [keys] = await Promise.all([Promise.all(added.map(({ kept: _, ...entry }) => transaction.store.add(entry as typeof entry & { key: number }))), transaction.done])
    added.forEach((entry, index) => this.#keys.set(entry.operation.id, keys[index] as number))
    this.#replace(this.#entries.map((entry) => (this.#keys.has(entry.operation.id) ? { ...entry, kept: true } : entry)))
    this.#tell()
    this.#events.troubled(null)
    if (added.length > 0) void persist()
  }

  /** Uses a database that opened late: operations in memory are added after those of an earlier visit. */
  #take(database: Database) {
    this.#database = database
    void this.refresh()
    void this.#step((opened) => this.#keep(opened))
    if (this.#unstored) void this.confirm(this.#unstored, this.#unstored.at)
  }

  /**
   * Returns the oldest waiting operations: as many as fit into a request, but not more than `most`.
   * @param aside ids of operations to omit, with all later ones on the same items
   */
  batch(most: number, aside: { has(id: string): boolean } = new Set()): Operation[] {
    const batch: Operation[] = []
    const held = new Set<string>()
    let bytes = 0
    for (const { state, operation } of this.#entries) {
      if (state !== 'waiting') continue
      const item = itemOf(operation)
      if (aside.has(operation.id) && item !== undefined) held.add(item)
      if (aside.has(operation.id) || (item !== undefined && held.has(item))) continue
      bytes += new TextEncoder().encode(JSON.stringify(operation)).length + 1
      if (batch.length >= Math.min(most, maxBatch.operations) || (batch.length > 0 && bytes > maxBatch.bytes)) break
      batch.push(operation)
    }
    return batch
  }

  /** Records the server's results. Operations without an outcome keep waiting. */
  settle(results: readonly OperationResult[]): Promise<void> {
    const resultOf = new Map(results.map((result) => [result.id, result]))
    return this.#change((entry) => {
      const result = resultOf.get(entry.operation.id)
      if (!result || entry.state !== 'waiting' || undecided(result)) return entry
      // The item to be deleted is missing, as intended.
      const done = result.status < 300 || (result.status === 404 && entry.operation.type === 'delete')
      if (done) return { ...entry, state: 'landed', revision: result.revision }
      return { ...entry, state: 'refused', problem: result.problem ?? { status: result.status, title: `HTTP ${result.status}`, detail: '' } }
    })
  }

  /** Records that the request for an operation was refused, and with the creation of an item all waiting operations on it. */
  refuse(operation: Operation, { status = 400, message }: { status?: number | undefined; message: string }): Promise<void> {
    const item = operation.type === 'create' ? itemOf(operation) : undefined
    const problem = { status, title: message, detail: message }
    return this.settle(
      this.#entries
        .filter((entry) => entry.state === 'waiting' && (entry.operation.id === operation.id || (item !== undefined && itemOf(entry.operation) === item)))
        // Never a status that means "no outcome" or "landed".
        .map((entry) => ({ id: entry.operation.id, status: status >= 400 && !undecided({ status }) ? status : 400, revision: 0, problem })),
    )
  }

  /**
   * Stores a snapshot of the server's list, and removes the operations that it contains.
   * @param at time when the snapshot was current
   * @param reset whether the server's list went back to an earlier revision: landed operations may be lost, and are removed
   */
  confirm(snapshot: Snapshot, at = Date.now(), reset = false): Promise<void> {
    const { revision, todos, title } = snapshot
    return this.#change(
      (entry) => (entry.state === 'landed' && (reset || (entry.revision ?? 0) <= revision) ? null : entry),
      { list: this.#list, revision, todos: [...todos], ...(title !== undefined && { title }), at },
    )
  }

  /** Removes refused operations whose notice the person has dismissed. */
  dismiss(ids: ReadonlySet<string>): Promise<void> {
    return this.#change((entry) => (entry.state === 'refused' && ids.has(entry.operation.id) ? null : entry))
  }

  close(): void {
    this.#channel?.close()
  }

  /** Replaces entries, or removes those for which `change` returns null, first in memory and then on disk, in one transaction with the snapshot, if given. */
  #change(change: (entry: Entry) => Entry | null, snapshot: ({ list: string; at: number } & Snapshot) | null = null): Promise<void> {
    const touched = new Map<string, Entry | null>()
    const apply = () => {
      const next = this.#entries.flatMap((before) => {
        const after = change(before)
        if (after !== before) touched.set(before.operation.id, after)
        return after ?? []
      })
      if (touched.size > 0) this.#replace(next)
    }
    apply()
    if (touched.size === 0 && !snapshot) return Promise.resolve()
    if (snapshot) this.#unstored = snapshot
    return this.#step(async (database) => {
      if (this.#unstored === snapshot) this.#unstored = null
      // Again, since a step that waited before this one may have read the old entries from disk.
      apply()
      const transaction = database.transaction(['operations', 'snapshots'], 'readwrite')
      const operations = transaction.objectStore('operations')
      const writes: Promise<unknown>[] = []
      for (const [id, after] of touched) {
        const key = this.#keys.get(id)
        if (key === undefined) continue
        if (after) {
          const { kept: _, ...stored } = after
          writes.push(operations.put({ ...stored, key }))
        } else {
          writes.push(operations.delete(key))
        }
      }
      if (snapshot) writes.push(transaction.objectStore('snapshots').put(snapshot))
      await Promise.all([...writes, transaction.done])
      for (const [id, after] of touched) if (!after) this.#keys.delete(id)
      if (touched.size > 0) this.#tell()
    })
  }

  #step(step: (database: Database) => Promise<void>): Promise<void> {
    const done = this.#turn.then(async () => {
      const database = this.#database
      if (!database) return
      const running = step(database).catch(async (cause: unknown) => {
        if (storageTrouble(cause).kind !== 'closed') throw cause
        await step(await this.#reopen(database))
      })
      try {
        await soon(running, 10_000)
      } catch (cause) {
        const trouble = storageTrouble(cause)
        this.#events.troubled(trouble)
        if (trouble.kind !== 'silent') return
        this.#database = null
        running.then(() => this.#take(database), () => undefined)
      }
    })
    this.#turn = done
    return done
  }

  /** Reopens the database after the browser closed and perhaps deleted it, and stores all missing entries. */
  async #reopen(lost: Database): Promise<Database> {
    lost.close() // in case it is still open
    const database = (this.#database = await soon(usable(Promise.resolve(lost))))
    this.#keys.clear()
    for (const { key, operation } of await database.getAllFromIndex('operations', 'list', this.#list)) this.#keys.set(operation.id, key)
    this.#replace(this.#entries.map((entry) => ({ ...entry, kept: this.#keys.has(entry.operation.id) })))
    await this.#keep(database)
    return database
  }

  #replace(entries: readonly Entry[]) {
    this.#entries = entries
    this.#events.changed()
  }

  #tell() {
    this.#channel?.postMessage(this.#list)
  }
}

function itemOf(operation: Operation): string | undefined {
  if (operation.type === 'create') return operation.todo.id
  return operation.type === 'update' || operation.type === 'delete' ? operation.todoId : undefined
}
