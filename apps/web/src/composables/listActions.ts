import type { ListState } from './useListState'
import type { Entry } from '@/outbox/outbox'
import { reorder } from '@/todos/operations'
import { randomId } from '@/todos/randomId'
import { quote, type Change, type Operation, type Todo } from '@/todos/todo'

/** What a person does with a list. */
export interface ListActions {
  add(titles: readonly string[]): void
  change(id: string, change: Change): void
  completeAll(completed: boolean): void
  remove(id: string): void
  clearCompleted(): void
  /** Puts an item directly before another, or last. */
  move(id: string, before: string | null): void
  /** Puts items into the list again, as they are given. */
  create(todos: readonly Todo[]): void
  undo(): void
  dismissRefused(entries: readonly Entry[]): void
  retryRefused(entries: readonly Entry[]): void
}

/**
 * The actions on a list: each becomes operations in its outbox.
 * @param send is called when there is something new to send
 */
export function listActions({ outbox, todos, removal }: ListState, send: () => void, announce: (sentence: string) => void): ListActions {
  function perform(operations: readonly { operation: Operation; about: string }[]) {
    if (operations.length > 0) void outbox.add(operations).then(send)
  }

  function find(id: string): Todo | undefined {
    return todos.value.find((todo) => todo.id === id)
  }

  function create(items: readonly (Omit<Todo, 'order'> & { order?: number })[]) {
    perform(items.map(({ id, title, completed, order }) => ({
      operation: { id: randomId(), type: 'create', todo: { id, title, completed, ...(order !== undefined && { order }) } },
      about: title,
    })))
  }

  function remove(items: readonly Todo[], operation: Operation, text: string) {
    removal.value = { todos: items, text }
    perform([{ operation, about: items[0]?.title ?? '' }])
    announce(`${text} It can be undone.`)
  }

  return {
    create,

    // Without an order: the server puts new items last, in the order in which they arrive, so that two people who add
    // several each while offline do not find them interleaved.
    add(titles) {
      create(titles.map((title) => ({ id: randomId(), title, completed: false })))
    },

    change(id, change) {
      const todo = find(id)
      if (!todo) return
      // A rename says what it replaces: another one of the same item is then told instead of overwritten.
      const was = change.title === undefined ? {} : { was: { title: todo.title } }
      perform([{ operation: { id: randomId(), type: 'update', todoId: id, change, ...was }, about: todo.title }])
    },

    // By the ids shown: sent hours later, it must not complete items that this person has never seen.
    completeAll(completed) {
      const ids = todos.value.filter((todo) => todo.completed !== completed).map((todo) => todo.id)
      if (ids.length > 0) perform([{ operation: { id: randomId(), type: 'completeAll', completed, ids }, about: '' }])
    },

    remove(id) {
      const todo = find(id)
      if (todo) remove([todo], { id: randomId(), type: 'delete', todoId: id }, `Deleted ${quote(todo.title)}.`)
    },

    // By the ids shown, as above. One operation: the history then holds all the items in one revision.
    clearCompleted() {
      const completed = todos.value.filter((todo) => todo.completed)
      if (completed.length === 0) return
      const operation: Operation = { id: randomId(), type: 'clearCompleted', ids: completed.map((todo) => todo.id) }
      remove(completed, operation, completed.length === 1 ? 'Cleared 1 completed item.' : `Cleared ${completed.length} completed items.`)
    },

    move(id, before) {
      perform(reorder(todos.value, id, before).map((change) => ({
        operation: { id: randomId(), type: 'update', todoId: change.id, change: { order: change.order } },
        about: find(change.id)?.title ?? '',
      })))
    },

    undo() {
      const undone = removal.value
      if (!undone) return
      removal.value = null
      create(undone.todos)
      announce(undone.todos.length === 1 ? 'Brought back 1 item.' : `Brought back ${undone.todos.length} items.`)
    },

    dismissRefused(refused) {
      void outbox.dismiss(new Set(refused.map((entry) => entry.operation.id)))
    },

    // Under new ids: the server answers the old ones as before. A rename now replaces the title that the refusal told.
    retryRefused(refused) {
      void outbox.dismiss(new Set(refused.map((entry) => entry.operation.id)))
      perform(refused.map(({ operation, about, problem }) => {
        const was = operation.type === 'update' && problem?.todo ? { was: { title: problem.todo.title } } : {}
        return { operation: { ...operation, id: randomId(), ...was }, about }
      }))
    },
  }
}
