import { undoSteps, type Step } from './undoSteps'
import type { Connection } from './useConnection'
import type { ListState, Removal } from './useListState'
import type { Entry } from '@/outbox/outbox'
import { reorder } from '@/todos/operations'
import { randomId } from '@/todos/randomId'
import { words } from '@/words'
import { quote, type Change, type Draft, type Operation, type Todo } from '@/todos/todo'

/** The actions that a person can take on a list. */
export interface ListActions {
  /** Appends items. An item that is only a title is active. */
  add(items: readonly (string | Draft)[]): void
  change(id: string, change: Change): void
  completeAll(completed: boolean): void
  /** Replaces the title `was`, by default the present one, of the list. An empty title removes it. */
  setTitle(title: string, was?: string): void
  remove(id: string): void
  clearCompleted(): void
  /** Puts an item directly before another, or last. */
  move(id: string, before: string | null): void
  /** Puts the items into the list again, unchanged. */
  create(todos: readonly Todo[]): void
  /** Restores the missing ones of the items. */
  restore(items: readonly Todo[]): void
  /** Restores the items that were deleted elsewhere. */
  undoElsewhere(): void
  /** Restores the items of `removal`. */
  undo(): void
  /** Undoes the last change of this visit, or else the last removal in the outbox or the list's history. */
  undoLast(): Promise<void>
  dismissRefused(entries: readonly Entry[]): void
  retryRefused(entries: readonly Entry[]): void
}

/**
 * Returns the actions on a list, which add operations to its outbox.
 * @param connection sends new operations and reads the history
 */
export function listActions(state: ListState, { send, history }: Pick<Connection, 'send' | 'history'>, announce: (sentence: string) => void): ListActions {
  const { outbox, todos, title, removal } = state
  const steps = undoSteps(state, history)

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
    const removed: Removal = { todos: items, text, before: removal.value?.erased ? null : removal.value }
    removal.value = removed
    perform([{ operation, about: items[0]?.title ?? '' }])
    steps.push(() => bringBack(removed))
    announce(words.value.done.canBeUndone(text))
  }

  function bringBack(removed: Removal) {
    if (removal.value === removed) {
      // A double tap deletes two items: the notice then also offers the first one.
      let before = removed.before ?? null
      while (before?.todos.every(({ id }) => find(id))) before = before.before ?? null
      removal.value = before
    }
    const missing = removed.todos.filter(({ id }) => !find(id))
    if (missing.length === 0) return null
    create(missing)
    return words.value.done.broughtBack(missing.length)
  }

  /** Changes the items that still exist. A rename names the title that it replaces, so that another person's rename is shown instead of overwritten. */
  function update(changes: readonly { id: string; change: Change; was?: string }[]): boolean {
    const operations = changes.flatMap(({ id, change, was }) => {
      const todo = find(id)
      if (!todo) return []
      const replaced = change.title === undefined ? {} : { was: { title: was ?? todo.title } }
      return { operation: { id: randomId(), type: 'update' as const, todoId: id, change, ...replaced }, about: todo.title }
    })
    perform(operations)
    return operations.length > 0
  }

  /** Completes or reopens all items, or only those in `among`. Returns the ids of the changed items. */
  function completeAll(completed: boolean, among?: ReadonlySet<string>): ReadonlySet<string> {
    const ids = todos.value.filter((todo) => todo.completed !== completed && among?.has(todo.id) !== false).map(({ id }) => id)
    if (ids.length > 0) perform([{ operation: { id: randomId(), type: 'completeAll', completed, ids }, about: '' }])
    return new Set(ids)
  }

  /** Sets the list's title, unless it is set already. */
  function setTitle(next: string, was = title.value) {
    if (next === title.value) return false
    perform([{ operation: { id: randomId(), type: 'setTitle', title: next, was }, about: next }])
    return true
  }

  function dismissRefused(refused: readonly Entry[]) {
    void outbox.dismiss(new Set(refused.map((entry) => entry.operation.id)))
  }

  function restore(items: readonly Todo[]) {
    const step = deletion(items.filter(({ id }) => !find(id)))
    announce(bringBack({ todos: items, text: '' }) ?? words.value.done.alreadyBack)
    steps.push(step)
  }

  /**
   * Returns a step that deletes added or restored items, except those that another person has changed since. This person's changes are later
   * steps, which are already undone.
   */
  function deletion(added: readonly Omit<Todo, 'order'>[]): Step {
    return () => {
      const unchanged = added.filter(({ id, title, completed }) => find(id)?.title === title && find(id)?.completed === completed)
      perform(unchanged.map(({ id, title }) => ({ operation: { id: randomId(), type: 'delete', todoId: id }, about: title })))
      steps.leave(unchanged)
      return unchanged.length === 0 ? null : words.value.done.undoneAdd
    }
  }

  return {
    create(items) {
      create(items)
      steps.push(deletion(items))
    },

    setTitle(next, was) {
      const before = title.value
      if (setTitle(next, was)) steps.push(() => (setTitle(before) ? words.value.done.undoneTitle : null))
    },

    // Without an order: the server puts new items last, in the order in which they arrive, so that two people who add
    // several each while offline do not find them interleaved.
    add(items) {
      const added = items.map((item) => ({ id: randomId(), ...(typeof item === 'string' ? { title: item, completed: false } : item) }))
      create(added)
      steps.push(deletion(added))
    },

    change(id, change) {
      const todo = find(id)
      if (!todo) return
      update([{ id, change }])
      steps.push(() => {
        const { title, completed, order } = todo
        const undone = update([{
          id,
          change: { ...(change.title !== undefined && { title }), ...(change.completed !== undefined && { completed }), ...(change.order !== undefined && { order }) },
          ...(change.title !== undefined && { was: change.title }),
        }])
        return undone ? words.value.done.undoneChange(quote(title)) : null
      })
    },

    // By the ids shown: if it is sent hours later, it must not complete items that this person has never seen.
    completeAll(completed) {
      const ids = completeAll(completed)
      steps.push(() => {
        if (completeAll(!completed, ids).size === 0) return null
        return completed ? words.value.done.undoneComplete : words.value.done.undoneReopen
      })
    },

    remove(id) {
      const todo = find(id)
      if (todo) remove([todo], { id: randomId(), type: 'delete', todoId: id }, words.value.done.deleted(quote(todo.title)))
    },

    // By the ids shown, as above. One operation: the history then holds all the items in one revision.
    clearCompleted() {
      const completed = todos.value.filter((todo) => todo.completed)
      if (completed.length === 0) return
      const operation: Operation = { id: randomId(), type: 'clearCompleted', ids: completed.map((todo) => todo.id) }
      remove(completed, operation, words.value.done.cleared(completed.length))
    },

    move(id, before) {
      const moved = reorder(todos.value, id, before)
      const orders = moved.flatMap((change) => find(change.id) ?? [])
      update(moved.map((change) => ({ id: change.id, change: { order: change.order } })))
      if (moved.length > 0) steps.push(() => {
        const title = find(id)?.title
        return update(orders.map((todo) => ({ id: todo.id, change: { order: todo.order } }))) ? words.value.done.undoneMove(quote(title ?? '')) : null
      })
    },

    restore,

    undoElsewhere() {
      restore(state.deletedElsewhere.value)
      state.dismissDeleted()
    },

    undo() {
      if (removal.value && !removal.value.erased) announce(bringBack(removal.value) ?? words.value.done.alreadyBack)
    },

    async undoLast() {
      for (let step = steps.pop(); step; step = steps.pop()) {
        const sentence = step()
        if (sentence !== null) {
          announce(sentence)
          return
        }
      }
      try {
        const removed = removal.value && !removal.value.erased ? removal.value : { todos: await steps.earlier(), text: '' }
        announce(bringBack(removed) ?? words.value.done.nothingToUndo)
      } catch {
        announce(words.value.done.undoUnknown)
      }
    },

    dismissRefused,

    // Under new ids: the server would repeat its answer to the old ones. A rename now replaces the title in the refusal.
    retryRefused(refused) {
      dismissRefused(refused)
      perform(refused.map(({ operation, about, problem }) => {
        const id = randomId()
        if (operation.type === 'setTitle') return { operation: { ...operation, id, was: title.value }, about }
        const was = operation.type === 'update' && problem?.todo ? { was: { title: problem.todo.title } } : {}
        return { operation: { ...operation, id, ...was }, about }
      }))
    },
  }
}
