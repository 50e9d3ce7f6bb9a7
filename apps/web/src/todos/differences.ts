import { words } from '@/words'
import { quote, type Todo } from './todo'

/** Returns a sentence for screen readers about the changes between two states of a list; empty if they are equal. */
export function differences(before: readonly Todo[], after: readonly Todo[]): string {
  const known = new Map(before.map((todo) => [todo.id, todo]))
  const added: Todo[] = []
  const renamed: Todo[] = []
  const completed: Todo[] = []
  const reopened: Todo[] = []
  let moved = 0
  for (const todo of after) {
    const was = known.get(todo.id)
    known.delete(todo.id)
    if (!was) added.push(todo)
    else if (was !== todo) {
      if (was.title !== todo.title) renamed.push(todo)
      if (was.completed !== todo.completed) (todo.completed ? completed : reopened).push(todo)
      if (was.order !== todo.order) moved++
    }
  }
  const parts = [
    part(added, words.value.news.added),
    part([...known.values()], words.value.news.deleted),
    part(renamed, words.value.news.changed),
    part(completed, words.value.news.completed),
    part(reopened, words.value.news.reopened),
  ].filter((text) => text !== '')
  if (parts.length === 0 && moved > 0) parts.push(words.value.news.order)
  return parts.join(', ')
}

function part(todos: readonly Todo[], say: (what: string, n: number) => string): string {
  const [first] = todos
  if (!first) return ''
  return say(todos.length === 1 ? quote(first.title) : words.value.news.items(todos.length), todos.length)
}
