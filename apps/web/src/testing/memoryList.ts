import type { ListClient, Loaded } from '@/api/client'
import type { HistoryEntry, OperationResult, Problem } from '@/api/decode'
import { Trouble } from '@/api/trouble'
import type { Watcher } from '@/api/watch'
import { applyOperations, titleAfter } from '@/todos/operations'
import type { Operation, Snapshot, Todo } from '@/todos/todo'

type Refusal = Omit<Problem, 'title'>

/** A list in memory with the contract of the API's batch route, for tests of its clients. */
export class MemoryList implements ListClient {
  revision = 0
  title = ''
  todos: readonly Todo[] = []
  /** Outcomes of the next requests, in order; later ones succeed. A `lost` request is applied, but its response does not arrive. */
  readonly fates: ('lost' | Trouble)[] = []
  /** Operations that are refused, by their type. */
  refuse: (operation: Operation) => Refusal | null = () => null
  /** The operations of each request that arrived. */
  readonly received: string[][] = []
  age: number | null = null
  #landed = new Map<string, OperationResult>()
  #watchers = new Set<Watcher>()
  readonly #removed: HistoryEntry[] = []

  load(): Promise<Loaded> {
    const fate = this.fates.shift()
    if (fate) return Promise.reject(fate === 'lost' ? unreachable() : fate)
    return Promise.resolve({ ...this.snapshot, title: this.title, age: this.age, tag: `"${this.revision}"` })
  }

  async send(operations: readonly Operation[]): Promise<OperationResult[]> {
    await Promise.resolve()
    this.received.push(operations.map((operation) => operation.id))
    const fate = this.fates.shift()
    if (fate && fate !== 'lost') throw fate
    const results = operations.map((operation) => this.#land(operation))
    this.#publish()
    if (fate === 'lost') throw unreachable()
    return results
  }

  history(): Promise<readonly HistoryEntry[]> {
    return Promise.resolve(this.#removed.toReversed())
  }

  setTitle(title: string): Promise<void> {
    this.title = title
    this.revision++
    return Promise.resolve()
  }

  async erase(tag: string): Promise<void> {
    await Promise.resolve()
    const fate = this.fates.shift()
    if (fate && fate !== 'lost') throw fate
    if (tag !== `"${this.revision}"`) throw new Trouble('refused', 'It has changed.', { status: 412 })
    this.revision = 0
    this.title = ''
    this.todos = []
    if (fate === 'lost') throw unreachable()
  }

  watch(watcher: Watcher) {
    this.#watchers.add(watcher)
    queueMicrotask(() => {
      watcher.opened()
      watcher.received(this.snapshot)
    })
    return { close: () => this.#watchers.delete(watcher), check: () => undefined }
  }

  get snapshot(): Snapshot {
    return { revision: this.revision, todos: this.todos, title: this.title }
  }

  /** Applies an operation of another client. */
  elsewhere(...operations: Operation[]) {
    for (const operation of operations) this.#land(operation)
    this.#publish()
  }

  beat(here: number | null = null) {
    for (const watcher of this.#watchers) {
      watcher.alive()
      watcher.heartbeat(this.revision, here)
    }
  }

  #land(operation: Operation): OperationResult {
    const known = this.#landed.get(operation.id)
    if (known) return known
    const refusal = this.refuse(operation) ?? this.#missing(operation) ?? this.#changedMeanwhile(operation)
    if (refusal) {
      const problem = { title: 'Refused', ...refusal }
      return { id: operation.id, status: refusal.status, revision: this.revision, problem }
    }
    const before = this.todos
    this.todos = applyOperations(before, [operation])
    this.title = titleAfter(this.title, [operation])
    const gone = before.filter(({ id }) => !this.todos.some((todo) => todo.id === id))
    if (gone.length > 0) this.#removed.push({ kind: 'delete', by: null, at: new Date().toISOString(), revision: this.revision + 1, todos: gone })
    const result = { id: operation.id, status: 200, revision: ++this.revision }
    this.#landed.set(operation.id, result)
    return result
  }

  #changedMeanwhile(operation: Operation): Refusal | null {
    if (operation.type === 'setTitle') {
      const changed = operation.was !== undefined && this.title !== operation.was && this.title !== operation.title
      return changed ? { status: 409, detail: 'The list has another title by now.', code: 'changed-meanwhile' } : null
    }
    if (operation.type !== 'update' || operation.was?.title === undefined || operation.change.title === undefined) return null
    const todo = this.todos.find(({ id }) => id === operation.todoId)
    if (!todo || todo.title === operation.was.title || todo.title === operation.change.title) return null
    return { status: 409, detail: 'It has another title by now.', code: 'changed-meanwhile', todo }
  }

  #missing(operation: Operation): Refusal | null {
    if (operation.type !== 'update' && operation.type !== 'delete') return null
    return this.todos.some((todo) => todo.id === operation.todoId) ? null : { status: 404, detail: 'There is no such item.' }
  }

  #publish() {
    for (const watcher of this.#watchers) watcher.received(this.snapshot)
  }
}

export function unreachable(): Trouble {
  return new Trouble('unreachable', 'The server could not be reached.')
}
