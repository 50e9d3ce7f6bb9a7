import { watch } from 'vue'
import type { ListState } from './useListState'
import type { HistoryEntry } from '@/api/decode'
import { missingOf } from '@/todos/missing'
import type { Todo } from '@/todos/todo'

/** Undoes one change. Returns the sentence to announce, or null if there was nothing left to undo. */
export type Step = () => string | null

export interface UndoSteps {
  push(step: Step): void
  /** Removes and returns the step of the last change. */
  pop(): Step | undefined
  /** Excludes items from `earlier`, because undoing their addition has deleted them. */
  leave(items: readonly Pick<Todo, 'id'>[]): void
  /**
   * Returns the still missing items of the last removal before those of `push`: first from the outbox, then from the
   * list's history, an older one at each call. Empty if none is left. Throws Trouble if the history cannot be read.
   */
  earlier(): Promise<readonly Todo[]>
}

const most = 100

/** Undo steps of a list: the last changes of this visit, and the removals of earlier visits. */
export function undoSteps({ outbox, confirmed, todos, erasures }: ListState, history: () => Promise<readonly HistoryEntry[]>): UndoSteps {
  let steps: Step[] = []
  const given = new Set<number>() // revisions of the history
  const left = new Set<string>() // ids of items
  watch(erasures, () => (steps = []), { flush: 'sync' })

  function missing(items: readonly Todo[]): readonly Todo[] {
    const present = new Set(todos.value.map(({ id }) => id))
    return items.filter(({ id }) => !present.has(id) && !left.has(id))
  }

  function waiting(): readonly Todo[] {
    for (const { state, operation } of outbox.entries.toReversed()) {
      if (state === 'refused' || (operation.type !== 'delete' && operation.type !== 'clearCompleted')) continue
      const ids = new Set(operation.type === 'delete' ? [operation.todoId] : operation.ids)
      const items = missing((confirmed.value?.todos ?? []).filter(({ id }) => ids.has(id)))
      if (items.length > 0) return items
    }
    return []
  }

  return {
    push(step) {
      steps.push(step)
      if (steps.length > most) steps.shift()
    },
    pop: () => steps.pop(),
    leave: (items) => items.forEach(({ id }) => left.add(id)),
    async earlier() {
      const unsent = waiting()
      if (unsent.length > 0) return unsent
      for (const entry of await history()) {
        if (given.has(entry.revision)) continue
        given.add(entry.revision)
        const items = missing(missingOf(entry, todos.value))
        if (items.length > 0) return items
      }
      return []
    },
  }
}
