import type { Todo } from './todo'

export type Filter = 'all' | 'active' | 'completed'

const filters: Record<Filter, (todo: Todo) => boolean> = {
  all: () => true,
  active: (todo) => !todo.completed,
  completed: (todo) => todo.completed,
}

/** Reports whether the filter shows the item. */
export function shows(filter: Filter, todo: Todo): boolean {
  return filters[filter](todo)
}
