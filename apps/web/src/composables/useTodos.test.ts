// @vitest-environment happy-dom
import 'fake-indexeddb/auto'
import { IDBFactory } from 'fake-indexeddb'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { effectScope, type EffectScope } from 'vue'
import { openDatabase, type Database } from '@/outbox/database'
import { MemoryList, unreachable } from '@/testing/memoryList'
import type { Todo } from '@/todos/todo'
import { useTodos, type Todos } from './useTodos'
import { eventually } from '@/testing/eventually'

const scopes: EffectScope[] = []
let server: MemoryList
let heard: string[]

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'] })
  vi.stubGlobal('indexedDB', new IDBFactory())
  server = new MemoryList()
  heard = []
})
afterEach(() => {
  for (const scope of scopes.splice(0)) scope.stop()
  vi.useRealTimers()
})

function open(database: Promise<Database> = openDatabase(), editable = true, list = 'groceries'): Todos & { stop: () => void } {
  const scope = effectScope()
  scopes.push(scope)
  const state = scope.run(() => useTodos({ list, editable, connect: () => Promise.resolve(server), database, announce: (text) => heard.push(text) }))
  if (!state) throw new Error('the scope did not run')
  return { ...state, stop: () => scope.stop() }
}

const bread: Todo = { id: 'a', title: 'bread', completed: false, order: 1 }
const salt: Todo = { id: 'b', title: 'salt', completed: true, order: 2 }
/** The server answers again at the fourth attempt, seconds later, so that the test sees the state before that on a busy machine, too. */
const awayForAWhile = Array.from({ length: 3 }, unreachable)
const titles = (state: Todos) => state.todos.value.map((todo) => todo.title)
const saved = (state: Todos) => eventually(() => expect([state.contact.value, state.waiting.value]).toEqual(['connected', 0]))

function filled(...todos: Todo[]) {
  server.todos = todos
  server.revision = 10
}

describe('loading', () => {
  it('writes nothing', async () => {
    filled(bread)
    const state = open()
    await eventually(() => expect(titles(state)).toEqual(['bread']))
    await saved(state)
    expect(server.received).toEqual([])
  })

  it('by a key to read shows the list of the last visit, and sends nothing that waits', async () => {
    filled(bread)
    const before = open()
    await saved(before)
    server.fates.push(unreachable(), unreachable(), unreachable(), unreachable())
    before.add(['salt'])
    await eventually(() => expect(before.contact.value).toBe('unreachable'))
    before.stop()
    server.fates.length = 0
    server.received.length = 0
    server.fates.push(unreachable())
    const state = open(openDatabase(), false)
    await eventually(() => expect(titles(state)).toEqual(['bread', 'salt']))
    state.wake()
    await eventually(() => expect(state.contact.value).toBe('connected'))
    expect(server.received).toEqual([])
  })

  it('shows the list of the last visit while there is no server', async () => {
    filled(bread)
    const before = open()
    await saved(before)
    await eventually(() => expect(before.loaded.value).toBe(true))
    before.stop()
    server.fates.push(...awayForAWhile)
    vi.setSystemTime(Date.now() + 3_600_000)
    const state = open()
    await eventually(() => expect(titles(state)).toEqual(['bread']))
    await eventually(() => expect(state.contact.value).toBe('unreachable'))
    expect(state.age.value).toBeGreaterThanOrEqual(3_600)
    expect(state.age.value).toBeLessThan(3_700)
  })

  it.each([-86_400_000, 45_000, 86_400_000])('asks when it wakes after the clock has moved by %i ms, and does not call an old list current', async (ms) => {
    filled(bread)
    const state = open()
    await saved(state)
    await eventually(() => expect(state.age.value).toBe(0))
    vi.setSystemTime(Date.now() + ms)
    const load = vi.spyOn(server, 'load').mockReturnValue(new Promise(() => undefined))
    document.dispatchEvent(new Event('visibilitychange'))
    await eventually(() => expect(load).toHaveBeenCalled())
    expect([state.contact.value, state.age.value]).toEqual(ms > 0 ? ['connecting', ms / 1000] : ['connected', 0])
    server.beat()
    document.dispatchEvent(new Event('visibilitychange'))
    expect([state.contact.value, state.age.value]).toEqual(['connected', 0])
  })

  it('asks when a heartbeat names a revision that it has not heard of', async () => {
    filled(bread)
    const state = open()
    await saved(state)
    server.todos = [bread, salt]
    server.revision++
    server.beat(2)
    await eventually(() => expect(titles(state)).toEqual(['bread', 'salt']))
    expect(state.here.value).toBe(2)
  })

  it('takes what is added before for what it is, and puts it behind the list', async () => {
    filled(bread)
    server.fates.push(unreachable())
    const state = open()
    state.add(['milk'])
    await eventually(() => expect(titles(state)).toEqual(['milk']))
    expect(state.loaded.value).toBe(false)
    state.wake()
    await saved(state)
    await eventually(() => expect(titles(state)).toEqual(['bread', 'milk']))
  })
})

describe('a change', () => {
  it('shows at once and lands', async () => {
    const state = open()
    await saved(state)
    state.add(['milk', 'eggs'])
    expect(titles(state)).toEqual(['milk', 'eggs'])
    await eventually(() => expect(server.todos.map((todo) => todo.title)).toEqual(['milk', 'eggs']))
    await saved(state)
    const [milk, eggs] = state.todos.value
    state.change(milk?.id ?? '', { title: 'oat milk' })
    state.move(eggs?.id ?? '', milk?.id ?? '')
    state.completeAll(true)
    expect(titles(state)).toEqual(['eggs', 'oat milk'])
    await saved(state)
    expect(server.todos.map((todo) => `${todo.title} ${todo.completed}`)).toEqual(['eggs true', 'oat milk true'])
    expect(heard).toEqual([]) // nothing was done elsewhere
  })

  it('that is refused is rolled back with a notice, which survives the tab until it is dismissed', async () => {
    filled(bread)
    const before = open()
    await eventually(() => expect(before.loaded.value).toBe(true))
    server.refuse = (operation) => (operation.type === 'update' ? { status: 422, detail: 'Not on Sundays.' } : null)
    before.change('a', { title: 'cake' })
    expect(titles(before)).toEqual(['cake'])
    await eventually(() => expect(titles(before)).toEqual(['bread']))
    before.stop()
    const state = open()
    await eventually(() => expect(state.refused.value).toMatchObject([{ about: 'bread', problem: { detail: 'Not on Sundays.' } }]))
    server.refuse = () => null
    state.retryRefused(state.refused.value)
    expect(state.refused.value).toEqual([])
    await eventually(() => expect(server.todos[0]?.title).toBe('cake'))
  })

  it('of the same title made twice is no conflict', async () => {
    filled(bread)
    const state = open()
    await eventually(() => expect(titles(state)).toEqual(['bread']))
    state.change('a', { title: 'white bread' })
    state.change('a', { title: 'rye bread' })
    server.elsewhere({ id: 'x', type: 'update', todoId: 'a', change: { completed: true } })
    await saved(state)
    expect(state.refused.value).toEqual([])
    expect(server.todos).toEqual([{ ...bread, title: 'rye bread', completed: true }])
  })

  it('of all items changes those that were shown', async () => {
    filled(bread, salt)
    const state = open()
    await eventually(() => expect(titles(state)).toHaveLength(2))
    await saved(state)
    server.fates.push(...awayForAWhile)
    state.completeAll(true)
    await eventually(() => expect(state.contact.value).toBe('unreachable'))
    server.elsewhere({ id: 'x', type: 'create', todo: { id: 'c', title: 'insulin' } })
    state.wake()
    await saved(state)
    expect(server.todos.map(({ title, completed }) => `${title} ${completed}`)).toEqual(['bread true', 'salt true', 'insulin false'])
  })
})

describe('the title', () => {
  it('shows at once, lands, and is undone by key', async () => {
    server.title = 'Groceries'
    filled(bread)
    const state = open()
    await eventually(() => expect(state.title.value).toBe('Groceries'))
    state.setTitle('Party')
    expect(state.title.value).toBe('Party')
    await saved(state)
    expect(server.title).toBe('Party')
    await state.undoLast()
    await saved(state)
    expect([state.title.value, server.title]).toEqual(['Groceries', 'Groceries'])
  })

  it('that stays as it is sends nothing', async () => {
    server.title = 'Groceries'
    const state = open()
    await saved(state)
    state.setTitle('Groceries')
    await saved(state)
    expect(server.received).toEqual([])
  })

  it('is known without the server, and missing in what an earlier version kept', async () => {
    server.title = 'Groceries'
    filled(bread)
    const first = open()
    await saved(first)
    await eventually(async () => expect((await (await openDatabase()).get('snapshots', 'groceries'))?.title).toBe('Groceries'))
    first.stop()
    vi.spyOn(server, 'load').mockRejectedValue(unreachable())
    const offline = open()
    await eventually(() => expect(offline.title.value).toBe('Groceries'))
    offline.stop()

    const database = await openDatabase()
    await database.put('snapshots', { list: 'groceries', revision: 10, todos: [bread] })
    const old = open(Promise.resolve(database))
    await eventually(() => expect(titles(old)).toEqual(['bread']))
    expect(old.title.value).toBe('')
  })
})

describe('what others do', () => {
  it('is not undone by an event that comes late', async () => {
    filled(bread)
    const state = open()
    await saved(state)
    state.add(['milk'])
    await saved(state)
    await eventually(() => expect(titles(state)).toEqual(['bread', 'milk']))
    const now = await server.load()
    server.todos = []
    server.revision = 1
    // The event names an earlier revision, while a read still gives the newest: another server that lags.
    const load = vi.spyOn(server, 'load').mockResolvedValue(now)
    server.elsewhere()
    await eventually(() => expect(load).toHaveBeenCalled())
    expect(titles(state)).toEqual(['bread', 'milk'])
  })

  it.each([['erased', 0, []], ['erased and written again', 1, [bread]]] as const)('and a private list that was %s is not filled again', async (_, revision, now) => {
    filled(bread, salt)
    const state = open(openDatabase(), true, `k-${'a'.repeat(32)}`)
    await eventually(() => expect(titles(state)).toHaveLength(2))
    state.remove('a')
    await saved(state)
    server.todos = [...now]
    server.revision = revision
    vi.spyOn(server, 'history').mockResolvedValue([]) // erased with the list
    state.wake()
    await eventually(() => expect(state.removal.value?.text).toMatch(/^This list was erased/))
    expect(state.removal.value?.todos).toEqual([salt])
    expect(state.deletedElsewhere.value).toEqual([])
    state.undo()
    await state.undoLast()
    expect(state.waiting.value).toBe(0)
    expect(server.todos).toEqual(now)
  })
})

describe('what others delete', () => {
  it('is not offered when it is one’s own, came back, or was dismissed', async () => {
    filled(bread, salt)
    const state = open()
    await saved(state)
    state.remove('a')
    await saved(state)
    server.elsewhere({ id: 'x', type: 'delete', todoId: 'b' })
    await eventually(() => expect(state.deletedElsewhere.value).toEqual([salt]))
    server.elsewhere({ id: 'y', type: 'create', todo: salt })
    await eventually(() => expect(state.deletedElsewhere.value).toEqual([]))
    server.elsewhere({ id: 'z', type: 'delete', todoId: 'b' })
    await eventually(() => expect(state.deletedElsewhere.value).toEqual([salt]))
    state.dismissDeleted()
    expect(state.deletedElsewhere.value).toEqual([])
  })

  it('leaves the rest unmarked; what they add or change is marked', async () => {
    filled(bread, salt)
    const state = open()
    await saved(state)
    state.change('a', { completed: true })
    await saved(state)
    server.elsewhere({ id: 'x', type: 'create', todo: { id: 'c', title: 'milk' } }, { id: 'y', type: 'update', todoId: 'b', change: { title: 'sea salt' } })
    await eventually(() => expect([...state.changedElsewhere.value].sort()).toEqual(['b', 'c']))
  })
})

describe('undo', () => {
  it('offers the item deleted before once the last one is back, as after a double tap', async () => {
    filled(bread, salt)
    const state = open()
    await eventually(() => expect(titles(state)).toHaveLength(2))
    state.remove('a')
    state.remove('b')
    state.undo()
    expect(state.todos.value).toEqual([salt])
    expect(state.removal.value?.text).toBe('Deleted “bread”.')
    state.undo()
    expect(state.todos.value).toEqual([bread, salt])
    expect(state.removal.value).toBeNull()
    await saved(state)
  })

  it('brings cleared items back, and nothing that was not seen is cleared', async () => {
    filled(bread, salt)
    const state = open()
    await eventually(() => expect(titles(state)).toHaveLength(2))
    server.fates.push(...awayForAWhile)
    state.clearCompleted()
    await eventually(() => expect(state.contact.value).toBe('unreachable'))
    server.elsewhere({ id: 'x', type: 'update', todoId: 'a', change: { completed: true } })
    state.wake()
    await saved(state)
    expect(server.todos).toEqual([{ ...bread, completed: true }])
    expect(new Set(server.received.flat()).size).toBe(1) // one operation, and so one revision of the history
    state.undo()
    await saved(state)
    expect(server.todos.map((todo) => todo.title)).toEqual(['bread', 'salt'])
  })

  it('by key takes back each kind of change, the last first', async () => {
    filled(bread, salt)
    const state = open()
    await eventually(() => expect(titles(state)).toHaveLength(2))
    const states = [state.todos.value]
    const actions = [
      () => state.add(['milk', 'oil']),
      () => state.change('a', { title: 'rye bread' }),
      () => state.change('a', { completed: true }),
      () => state.completeAll(false),
      () => state.move('b', 'a'),
      () => state.remove('b'),
      () => state.completeAll(true),
      () => state.clearCompleted(),
    ]
    for (const act of actions) {
      act()
      states.push(state.todos.value)
    }
    expect(states.at(-1)).toEqual([])
    for (const before of states.slice(0, -1).reverse()) {
      await state.undoLast()
      expect(state.todos.value).toEqual(before)
    }
    await saved(state)
    expect(server.todos).toEqual([bread, salt])
    expect(state.removal.value).toBeNull()
  })

  it('by key passes over what is undone or gone already, and never renames over another’s title', async () => {
    filled(bread, salt)
    const state = open()
    await eventually(() => expect(titles(state)).toHaveLength(2))
    state.change('a', { title: 'rye bread' })
    state.change('b', { completed: false })
    state.remove('b')
    state.undo()
    await saved(state)
    server.elsewhere({ id: 'x', type: 'delete', todoId: 'b' }, { id: 'y', type: 'update', todoId: 'a', change: { title: 'white bread' } })
    await eventually(() => expect(titles(state)).toEqual(['white bread']))
    await state.undoLast() // b, which another has deleted
    await eventually(() => expect(titles(state)).toEqual(['white bread', 'salt']))
    await state.undoLast() // its completion
    await state.undoLast() // the rename
    await eventually(() => expect(state.refused.value).toMatchObject([{ problem: { code: 'changed-meanwhile' } }]))
    expect(titles(state)).toEqual(['white bread', 'salt'])
  })

  it('by key leaves added items that another has changed, and completions of items that are gone', async () => {
    filled(salt)
    const state = open()
    await eventually(() => expect(titles(state)).toHaveLength(1))
    state.setTitle('groceries')
    state.add(['bread', 'milk', 'oil'])
    await saved(state)
    const [, renamed, done] = server.todos.map(({ id }) => id) as [string, string, string]
    server.elsewhere({ id: 'x', type: 'update', todoId: renamed, change: { title: 'rye bread' } }, { id: 'y', type: 'update', todoId: done, change: { completed: true } })
    await eventually(() => expect(titles(state)).toContain('rye bread'))
    await state.undoLast()
    expect(titles(state)).toEqual(['salt', 'rye bread', 'milk'])
    state.completeAll(true)
    await saved(state)
    server.elsewhere({ id: 'z', type: 'delete', todoId: renamed })
    await eventually(() => expect(titles(state)).toEqual(['salt', 'milk']))
    await state.undoLast() // no completion is left to undo
    expect(state.title.value).toBe('')
  })

  it('by key deletes restored items, and never restores items that it deleted', async () => {
    filled(bread, salt)
    const state = open()
    await eventually(() => expect(titles(state)).toHaveLength(2))
    server.elsewhere({ id: 'x', type: 'delete', todoId: 'b' })
    await eventually(() => expect(titles(state)).toEqual(['bread']))
    state.change('a', { title: 'rye bread' })
    state.restore([salt])
    await saved(state)
    expect(titles(state)).toEqual(['rye bread', 'salt'])
    await state.undoLast()
    expect(titles(state)).toEqual(['rye bread'])
    await state.undoLast()
    await saved(state)
    await eventually(() => expect(state.landing.value).toBe(false))
    await state.undoLast() // the history ends with the deletion of salt, once elsewhere and once by the undo
    expect(titles(state)).toEqual(['bread'])
    expect(heard.at(-1)).toBe('There is nothing to undo.')
    state.create([salt]) // as an edited item that another has deleted
    await state.undoLast()
    expect(titles(state)).toEqual(['bread'])
  })

  it('by key goes on, in another visit, with removals that wait and then with the history', async () => {
    filled(bread, salt)
    const before = open()
    await eventually(() => expect(titles(before)).toHaveLength(2))
    before.remove('a')
    await saved(before)
    before.wake()
    await eventually(() => expect(before.landing.value).toBe(false))
    server.fates.push(...Array.from({ length: 9 }, unreachable))
    before.remove('b')
    await eventually(() => expect(before.contact.value).toBe('unreachable'))
    before.stop()
    const state = open()
    await eventually(() => expect([state.loaded.value, state.waiting.value]).toEqual([true, 1]))
    await state.undoLast()
    expect(titles(state)).toEqual(['salt'])
    await state.undoLast()
    expect(titles(state)).toEqual(['bread', 'salt'])
    await state.undoLast()
    expect(titles(state)).toEqual(['bread', 'salt'])
  })
})
