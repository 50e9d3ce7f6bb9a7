import type { components } from './schema'
import type { Snapshot, Todo } from '@/todos/todo'

export type Problem = Pick<components['schemas']['Problem'], 'status' | 'title' | 'detail'> & {
  /** `changed-meanwhile`: the item's title was not the one to be replaced; `todo` is the present item. */
  readonly code?: string
  readonly todo?: Todo
}

export interface OperationResult {
  readonly id: string
  readonly status: number
  readonly revision: number
  readonly problem?: Problem
}

/** Reports whether a request or operation with this status has no outcome yet and must be sent again: timeout (408), wrong connection (421), too early (425), too many (429), or a server error. */
export function undecided({ status }: { readonly status: number }): boolean {
  return [408, 421, 425, 429].includes(status) || status >= 500
}

// The input comes from another program, which may have another version or not be the API. Unknown members are
// ignored; a required member that is missing or mistyped is an error that names the place.

function decodeTodos(value: unknown, at: string): readonly Todo[] {
  if (!Array.isArray(value)) throw new TypeError(`${at}: expected an array`)
  return value.map((item, index) => decodeTodo(item, `${at}[${index}]`))
}

function decodeTodo(value: unknown, at: string): Todo {
  const { id, title, completed, order } = members(value, at)
  if (typeof id !== 'string') throw new TypeError(`${at}.id: expected a string`)
  if (typeof title !== 'string') throw new TypeError(`${at}.title: expected a string`)
  if (typeof completed !== 'boolean') throw new TypeError(`${at}.completed: expected a boolean`)
  return { id, title, completed, order: number(order, `${at}.order`) }
}

/** Decodes the changes since the list of the event `from`. Throws a TypeError that names the place. */
export function decodeChanges(value: unknown): { revision: number; from: string; title: string | undefined; changed: readonly Todo[]; removed: readonly string[] } {
  const { revision, from, title, changed, removed } = members(value, 'the event')
  if (typeof from !== 'string') throw new TypeError('from: expected a string')
  if (title !== undefined && typeof title !== 'string') throw new TypeError('title: expected a string')
  if (!Array.isArray(removed) || !removed.every((id) => typeof id === 'string')) throw new TypeError('removed: expected an array of strings')
  return { revision: number(revision, 'revision'), from, title, changed: decodeTodos(changed, 'changed'), removed }
}

/** Decodes a list with its title, as in responses and events. Throws a TypeError that names the place. */
export function decodeSnapshot(value: unknown): Snapshot & { title: string } {
  const { revision, todos, title } = members(value, 'the list')
  if (typeof title !== 'string') throw new TypeError('title: expected a string')
  return { revision: number(revision, 'revision'), todos: decodeTodos(todos, 'todos'), title }
}

/** The items that one revision of a list removed or changed, as they were before it. */
export interface HistoryEntry {
  readonly revision: number
  /** The operation: `replace` for the whole list, or the name of another one. */
  readonly kind: string
  /** Time by the server's clock, as in RFC 3339. */
  readonly at: string
  /** Name of the person who did it, if the API requires a sign-in. */
  readonly by: string | null
  readonly todos: readonly Todo[]
}

/** Decodes a list's history, newest revision first. Throws a TypeError that names the place. */
export function decodeHistory(value: unknown): readonly HistoryEntry[] {
  const { entries } = members(value, 'the history')
  if (!Array.isArray(entries)) throw new TypeError('entries: expected an array')
  return entries.map((entry, index) => {
    const { revision, at, by, kind, todos } = members(entry, `entries[${index}]`)
    if (typeof at !== 'string') throw new TypeError(`entries[${index}].at: expected a string`)
    return { at, kind: typeof kind === 'string' ? kind : '', by: typeof by === 'string' ? by : null, revision: number(revision, `entries[${index}].revision`), todos: decodeTodos(todos, `entries[${index}].todos`) }
  })
}

/** Decodes the data of a heartbeat. Throws a TypeError that names the place. */
export function decodeHeartbeat(value: unknown): { revision: number; here: number | null } {
  const { revision, here } = members(value, 'the heartbeat')
  return { revision: number(revision, 'revision'), here: typeof here === 'number' ? here : null }
}

/** Decodes the response to a batch: one result per operation, in their order. Throws a TypeError that names the place. */
export function decodeResults(value: unknown, operations: readonly { id: string }[]): OperationResult[] {
  const { results } = members(value, 'the answer')
  if (!Array.isArray(results) || results.length !== operations.length) throw new TypeError(`results: expected ${operations.length} of them`)
  return operations.map((operation, index) => {
    const at = `results[${index}]`
    const { id, status, revision, problem } = members(results[index], at)
    if (id !== operation.id) throw new TypeError(`${at}.id: expected ${operation.id}`)
    const result = { id: operation.id, status: number(status, `${at}.status`), revision: number(revision, `${at}.revision`) }
    return problem === undefined ? result : { ...result, problem: decodeProblem(problem, result.status) }
  })
}

/** Decodes an RFC 9457 problem. Missing or mistyped members are derived from the status or left out. */
export function decodeProblem(value: unknown, status: number): Problem {
  const { title, detail, code, todo } = typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  const problem = {
    status,
    title: typeof title === 'string' ? title : `HTTP ${status}`,
    detail: typeof detail === 'string' ? detail : '',
    ...(typeof code === 'string' && { code }),
  }
  try {
    return { ...problem, todo: decodeTodo(todo, 'todo') }
  } catch {
    return problem
  }
}

function members(value: unknown, at: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new TypeError(`${at}: expected an object`)
  return value as Record<string, unknown>
}

function number(value: unknown, at: string): number {
  if (typeof value !== 'number' || !Number.isFinite(value)) throw new TypeError(`${at}: expected a number`)
  return value
}
