import { randomId } from './randomId'
import type { Todo } from './todo'

/**
 * Returns the items that a revision of a list removed and that the list still lacks, in the form to restore.
 * @param kind the revision's operation in the API's history
 */
export function missingOf({ kind, todos }: { kind: string; todos: readonly Todo[] }, present: readonly Todo[]): Todo[] {
  const ids = new Set(present.map(({ id }) => id))
  const titles = new Set(present.map(({ title }) => title))
  return todos.flatMap((todo) => {
    if (!ids.has(todo.id)) return todo
    // When the whole list is replaced, an item may get the id of the removed one at its position.
    return kind === 'replace' && !titles.has(todo.title) ? { ...todo, id: randomId() } : []
  })
}
