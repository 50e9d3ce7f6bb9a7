import { randomId } from './randomId'
import type { Todo } from './todo'

/**
 * The items that a revision of a list removed and that the list still lacks, as they can be put back.
 * @param kind of the revision, as the API's history names it
 */
export function missingOf({ kind, todos }: { kind: string; todos: readonly Todo[] }, present: readonly Todo[]): Todo[] {
  const ids = new Set(present.map(({ id }) => id))
  const titles = new Set(present.map(({ title }) => title))
  return todos.flatMap((todo) => {
    if (!ids.has(todo.id)) return todo
    // When the whole list is replaced, the item that takes another's place gets its id.
    return kind === 'replace' && !titles.has(todo.title) ? { ...todo, id: randomId() } : []
  })
}
