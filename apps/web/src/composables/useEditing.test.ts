import { expect, it } from 'vitest'
import { shallowRef } from 'vue'
import { applyOperations } from '@/todos/operations'
import type { Todo } from '@/todos/todo'
import { useEditing } from './useEditing'

const bread: Todo = { id: 'a', title: 'bread', completed: false, order: 1 }

function setup() {
  const todos = shallowRef<readonly Todo[]>([bread])
  const log: string[] = []
  const editing = useEditing(todos, {
    change: (id, { title }) => {
      log.push(`change ${id} to ${title}`)
      todos.value = applyOperations(todos.value, [{ id: 'x', type: 'update', todoId: id, change: { title } }])
    },
    remove: (id) => log.push(`remove ${id}`),
    create: ([todo]) => log.push(`create ${todo?.id} as ${todo?.title}`),
  })
  editing.start(bread)
  const elsewhere = (title: string | null) => (todos.value = title === null ? [] : [{ ...bread, title }])
  return { editing, log, elsewhere }
}

it.each([
  ['saves, trimmed', '  white bread ', ['change a to white bread']],
  ['does nothing for the same title', ' bread ', []],
  ['removes for a blank one', '   ', ['remove a']],
])('%s', (_, draft, want) => {
  for (const how of ['commit', 'leave'] as const) {
    const { editing, log } = setup()
    editing.draft.value = draft
    editing[how]()
    editing.leave() // the field's removal blurs it
    expect(log).toEqual(want)
    expect(editing.item.value).toBeNull()
  }
})

it('discards on cancel, and the blur that follows does not save', () => {
  const { editing, log } = setup()
  editing.draft.value = 'x'
  editing.cancel()
  editing.leave()
  expect(log).toEqual([])
})

it('keeps a title that is too long, with a message, until it is shorter', () => {
  const { editing, log } = setup()
  editing.draft.value = 'x'.repeat(2001)
  expect(editing.commit()).toBe(false)
  expect(editing.problem.value).toMatch(/2,001/)
  expect(editing.draft.value).toHaveLength(2001)
  editing.draft.value = 'x'
  expect(editing.commit()).toBe(true)
  expect(log).toEqual(['change a to x'])
})

it('shows what another did and does not overwrite it by leaving', () => {
  const { editing, log, elsewhere } = setup()
  editing.draft.value = 'white bread'
  elsewhere('rye bread')
  expect(editing.meanwhile.value).toEqual({ what: 'changed', title: 'rye bread' })
  editing.leave()
  expect(log).toEqual([])
  expect(editing.item.value).not.toBeNull()
  expect(editing.draft.value).toBe('white bread')
  editing.commit() // the person has decided
  expect(log).toEqual(['change a to white bread'])
})

it('takes what another wrote when nothing was typed here', () => {
  const { editing, log, elsewhere } = setup()
  elsewhere('rye bread')
  editing.leave()
  expect(log).toEqual([])
  expect(editing.item.value).toBeNull()
})

it('adds an item again that another deleted, and only when asked', () => {
  const { editing, log, elsewhere } = setup()
  editing.draft.value = 'white bread'
  elsewhere(null)
  expect(editing.meanwhile.value).toEqual({ what: 'deleted' })
  editing.leave()
  expect(log).toEqual([])
  editing.commit()
  expect(log).toEqual(['create a as white bread'])
})

it('saves one item before it begins with the next', () => {
  const { editing, log } = setup()
  editing.draft.value = 'x'
  editing.start({ ...bread, id: 'b' })
  expect(log).toEqual(['change a to x'])
  expect(editing.item.value?.id).toBe('b')
})
