import { describe, expect, it } from 'vitest'
import { MemoryList } from '@/testing/memoryList'
import type { Operation } from '@/todos/todo'
import { moving } from './move'
import { Trouble } from './trouble'

const add = (...ids: string[]) => ids.map((id, index): Operation => ({ id: `op-${id}`, type: 'create', todo: { id, title: id, completed: index % 2 === 1, order: index / 4 } }))

function lists(n = 3) {
  const [from, to] = [new MemoryList(), new MemoryList()]
  from.elsewhere(...add(...Array.from({ length: n }, (_, i) => `item ${i}`)))
  from.title = 'Groceries'
  const [{ todos }, copies] = [from, [] as number[]]
  const move = moving(from, to, () => Promise.resolve(void copies.push(to.todos.length)))
  return { from, to, todos, copies, move }
}

describe('moving a list', () => {
  it.each([0, 3, 450])('copies its %d items and its title, and erases it', async (n) => {
    const { from, to, todos, copies, move } = lists(n)
    await move()
    expect(to.todos).toEqual(todos)
    expect(from).toMatchObject({ todos: [], title: n === 0 ? 'Groceries' : '' })
    if (n > 0) expect(to.title).toBe('Groceries')
    expect(copies).toEqual(n === 0 ? [] : [n])
  })

  it('copies again what others do meanwhile', async () => {
    const { from, to, move } = lists()
    const erase = from.erase.bind(from)
    from.erase = (tag) => {
      from.erase = erase
      from.elsewhere(
        { id: 'x', type: 'delete', todoId: 'item 0' },
        { id: 'y', type: 'update', todoId: 'item 1', change: { title: 'renamed', completed: false } },
        ...add('late'),
      )
      return from.erase(tag)
    }
    await move()
    expect(to.todos.map(({ id, title, completed }) => `${id} ${title} ${completed}`).sort()).toEqual(['item 1 renamed false', 'item 2 item 2 false', 'late late false'])
    expect(from.todos).toEqual([])
  })

  it.each(['copying', 'erasing'])('goes on after the answer to %s was lost', async (step) => {
    const { from, to, todos, move } = lists()
    if (step === 'erasing') {
      const erase = from.erase.bind(from)
      from.erase = (tag) => {
        from.erase = erase
        from.fates.push('lost')
        return from.erase(tag)
      }
    } else {
      const send = to.send.bind(to)
      to.send = (operations) => {
        to.send = send
        to.fates.push('lost')
        return to.send(operations)
      }
    }
    await expect(move()).rejects.toThrow(Trouble)
    await move()
    expect(to.todos).toEqual(todos)
    expect(from.todos).toEqual([])
  })

  it('leaves the copy alone when others go on in the erased list', async () => {
    const { from, to, todos, move } = lists()
    const erase = from.erase.bind(from)
    from.erase = (tag) => {
      from.fates.push('lost')
      return erase(tag)
    }
    await expect(move()).rejects.toThrow(Trouble)
    from.elsewhere(...add('stray'))
    await move()
    expect(to.todos).toEqual(todos)
    expect(from.todos).toHaveLength(1)
  })

  it('erases nothing when the copy is refused', async () => {
    const { from, to, move } = lists()
    to.refuse = () => ({ status: 422, detail: 'No.' })
    await expect(move()).rejects.toThrow('No.')
    expect(from.todos).toHaveLength(3)
  })
})
