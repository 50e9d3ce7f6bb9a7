import { maxBatch } from '@/api/batch'
import { undecided, type OperationResult } from '@/api/decode'
import type { Operation, Snapshot } from '@/todos/todo'
import { persist, soon, storageTrouble, usable, type Database, type StorageTrouble, type StoredEntry } from './database'
import { tabChannel } from './tabs'

export interface Entry extends StoredEntry {
  /** Whether the entry is on disk and survives the tab. */
  readonly kept: boolean
}

export interface OutboxEvents {
  /** `entries` is another array than before. */
  changed(): void
  /** Another tab has stored a newer state of the list. */
  stored(snapshot: Snapshot & { at?: number }): void
  /** Something could not be kept on disk. It is still in `entries` and will be sent while the page is open. Null when all is kept after all. */
  troubled(trouble: StorageTrouble | null): void
}

/** Where tabs tell each other the name of a list whose outbox has changed on disk. */
export const channelName = 'todo-outbox'

/**
 * The changes to one list that the server has not confirmed, in the order in which they were made, on
 * disk. All tabs of the browser share them: what one adds or settles, the others see. A change is in
 * `entries` as soon as `add` returns, and on disk when its promise is fulfilled.
 */
export class Outbox {
  #entries: readonly Entry[] = []
  // Steps on the database run one after the other, so that what one reads is not older than what the one before wrote.
  #turn: Promise<unknown>
  #database: Database | null = null
  // Where operations are on disk, by id. Apart from the entries, because one may be settled and gone before its key is known.
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

  /** Reads from disk what this and other tabs have put there. */
  refresh(): Promise<void> {
    return this.#step(async (database) => {
      const transaction = database.transaction(['operations', 'snapshots'])
      const [stored, snapshot] = await Promise.all([
        transaction.objectStore('operations').index('list').getAll(this.#list),
        transaction.objectStore('snapshots').get(this.#list),
      ])
      // The snapshot first: entries that it made superfluous are gone from disk already. Not one that is about to be
      // replaced: after a reset the new one has the lower revision.
      if (snapshot && !this.#unstored) this.#events.stored(snapshot)
      for (const entry of stored) this.#keys.set(entry.operation.id, entry.key)
      this.#replace([...stored.map((entry) => ({ ...entry, kept: true })), ...this.#entries.filter((entry) => !this.#keys.has(entry.operation.id))])
    })
  }

  /** Appends operations. Each needs an id of its own. */
  add(operations: readonly { operation: Operation; about: string }[]): Promise<void> {
    const added = operations.map(({ operation, about }): Entry => ({ list: this.#list, operation, about, state: 'waiting', kept: false }))
    this.#replace([...this.#entries, ...added])
    return this.#step((database) => this.#keep(database))
  }

  /** Stores all entries that are not stored yet, including those that found no space before. */
  async #keep(database: Database) {
    const added = this.#entries.filter((entry) => !entry.kept)
    // Strict: a change that the page calls kept must survive a loss of power as well.
    const transaction = database.transaction('operations', 'readwrite', { durability: 'strict' })
    const [keys] = await Promise.all([Promise.all(added.map(({ kept: _, ...entry }) => transaction.store.add(entry as typeof entry & { key: number }))), transaction.done])
    added.forEach((entry, index) => this.#keys.set(entry.operation.id, keys[index] as number))
    this.#replace(this.#entries.map((entry) => (this.#keys.has(entry.operation.id) ? { ...entry, kept: true } : entry)))
    this.#tell()
    this.#events.troubled(null)
    if (added.length > 0) void persist()
  }

  /** Uses a database that answers late: operations held in memory are added after those of an earlier visit. */
  #take(database: Database) {
    this.#database = database
    void this.refresh()
    void this.#step((opened) => this.#keep(opened))
    if (this.#unstored) void this.confirm(this.#unstored, this.#unstored.at)
  }

  /**
   * The oldest operations that wait, as many as one request carries, but not more than `most`.
   * @param aside ids of operations to leave out, with all later ones on the same items
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

  /** Notes what the server answered. Operations that it could not decide (429, 5xx) keep waiting. */
  settle(results: readonly OperationResult[]): Promise<void> {
    const resultOf = new Map(results.map((result) => [result.id, result]))
    return this.#change((entry) => {
      const result = resultOf.get(entry.operation.id)
      if (!result || entry.state !== 'waiting' || undecided(result)) return entry
      // What was to be deleted is gone: that is what was asked for.
      const done = result.status < 300 || (result.status === 404 && entry.operation.type === 'delete')
      if (done) return { ...entry, state: 'landed', revision: result.revision }
      return { ...entry, state: 'refused', problem: result.problem ?? { status: result.status, title: `HTTP ${result.status}`, detail: '' } }
    })
  }

  /** Notes that the request for an operation was refused, and with the creation of an item all that waits for that item. */
  refuse(operation: Operation, { status = 400, message }: { status?: number | undefined; message: string }): Promise<void> {
    const item = operation.type === 'create' ? itemOf(operation) : undefined
    const problem = { status, title: message, detail: message }
    return this.settle(
      this.#entries
        .filter((entry) => entry.state === 'waiting' && (entry.operation.id === operation.id || (item !== undefined && itemOf(entry.operation) === item)))
        // Never a status that leaves it open, and never one that says that it landed.
        .map((entry) => ({ id: entry.operation.id, status: status >= 400 && status < 500 && status !== 429 ? status : 400, revision: 0, problem })),
    )
  }

  /**
   * Stores the list as the server has it, and forgets the operations that it contains.
   * @param at when the list was known to be this
   * @param reset the server's list went back to an earlier revision: what had landed may be gone, and is not waited for
   */
  confirm(snapshot: Snapshot, at = Date.now(), reset = false): Promise<void> {
    const { revision, todos, title } = snapshot
    return this.#change(
      (entry) => (entry.state === 'landed' && (reset || (entry.revision ?? 0) <= revision) ? null : entry),
      { list: this.#list, revision, todos: [...todos], ...(title !== undefined && { title }), at },
    )
  }

  /** Forgets refused operations, once the person has dismissed the notice about them. */
  dismiss(ids: ReadonlySet<string>): Promise<void> {
    return this.#change((entry) => (entry.state === 'refused' && ids.has(entry.operation.id) ? null : entry))
  }

  close(): void {
    this.#channel?.close()
  }

  /** Replaces or, where `change` gives null, removes entries, here at once and then on disk, together with the snapshot when one is given. */
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
      // Again: a step that waited before this one may have read the entries from disk as they were.
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

  /** Opens the database again after the browser closed and perhaps deleted it, and stores everything that it lacks. */
  async #reopen(lost: Database): Promise<Database> {
    lost.close() // if it is about to be closed
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
