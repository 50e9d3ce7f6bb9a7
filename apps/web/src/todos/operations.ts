import type { Operation, Todo } from './todo'

/**
 * Returns the list as it will be when the operations have landed, in the API's order: by `order`, then by
 * insertion. An operation that cannot land (a change to a deleted item, a second creation)
 * has no effect, as on the server. Unchanged items stay the same objects.
 */
export function applyOperations(todos: readonly Todo[], operations: Iterable<Operation>): readonly Todo[] {
  const byId = new Map(todos.map((todo) => [todo.id, todo]))
  let last: number | null = null // the highest order, while it is known
  let changed = false
  for (const operation of operations) {
    changed = true
    switch (operation.type) {
      case 'create': {
        const { id, title, completed = false, order } = operation.todo
        if (id === undefined || byId.has(id)) break
        last ??= lastOrder(byId.values())
        const todo = { id, title, completed, order: order ?? last + 1 }
        byId.set(id, todo)
        last = Math.max(last, todo.order)
        break
      }
      case 'update': {
        const before = byId.get(operation.todoId)
        if (!before) break
        const { title = before.title, completed = before.completed, order = before.order } = operation.change
        byId.set(before.id, { id: before.id, title, completed, order })
        if (order !== before.order) last = null
        break
      }
      case 'delete':
        if (byId.delete(operation.todoId)) last = null
        break
      case 'completeAll': {
        const ids = operation.ids && new Set(operation.ids)
        for (const todo of byId.values()) {
          if (todo.completed !== operation.completed && ids?.has(todo.id) !== false) byId.set(todo.id, { ...todo, completed: operation.completed })
        }
        break
      }
      case 'clearCompleted':
        for (const id of operation.ids ?? [...byId.keys()]) {
          if (byId.get(id)?.completed && byId.delete(id)) last = null
        }
        break
      case 'setTitle': // see titleAfter
        break
    }
  }
  // Array.prototype.sort is stable, and a Map keeps the position of a replaced value: ties stay in order of insertion.
  return changed ? [...byId.values()].sort((a, b) => a.order - b.order) : todos
}

/** Returns the list's title as it will be when the operations have landed. */
export function titleAfter(title: string, operations: Iterable<Operation>): string {
  for (const operation of operations) if (operation.type === 'setTitle') title = operation.title
  return title
}

function lastOrder(todos: Iterable<Todo>): number {
  let last = 0
  for (const todo of todos) last = Math.max(last, todo.order)
  return last
}

/**
 * Returns the changes of `order` that put an item directly before another, or last if `before` is null:
 * one, halfway between its new neighbours, or, if no number is left between them, as many as
 * renumber the list. None if the item is already there.
 */
export function reorder(todos: readonly Todo[], id: string, before: string | null): { id: string; order: number }[] {
  const moved = todos.find((todo) => todo.id === id)
  const others = todos.filter((todo) => todo.id !== id)
  const index = before === null ? others.length : others.findIndex((todo) => todo.id === before)
  if (!moved || index < 0) return []
  const target = [...others.slice(0, index), moved, ...others.slice(index)]
  if (target.every((todo, i) => todo === todos[i])) return []

  const left = others[index - 1]?.order
  const right = others[index]?.order
  const order = left === undefined ? (right ?? 2) - 1 : right === undefined ? left + 1 : left + (right - left) / 2
  const fits = (left === undefined || left < order) && (right === undefined || order < right) && Math.abs(order) <= Number.MAX_SAFE_INTEGER
  if (fits) return [{ id, order }]
  return target.flatMap((todo, i) => (todo.order === i + 1 ? [] : [{ id: todo.id, order: i + 1 }]))
}

/** Returns `next` with the objects of equal items in `previous`, so that unchanged items are not rendered again. */
export function keepIdentity(previous: readonly Todo[], next: readonly Todo[]): readonly Todo[] {
  const known = new Map(previous.map((todo) => [todo.id, todo]))
  return next.map((todo) => {
    const before = known.get(todo.id)
    const same = before?.title === todo.title && before.completed === todo.completed && before.order === todo.order
    return same ? before : todo
  })
}
