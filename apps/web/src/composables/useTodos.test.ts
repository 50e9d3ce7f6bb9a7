// @vitest-environment happy-dom
import 'fake-indexeddb/auto'
import { IDBFactory } from 'fake-indexeddb'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { effectScope, type EffectScope } from 'vue'
import { Trouble } from '@/api/trouble'
import { openDatabase, StorageTrouble, type Database } from '@/outbox/database'
import { MemoryList, unreachable } from '@/testing/memoryList'
import type { Todo } from '@/todos/todo'
import { useTodos, type Todos } from './useTodos'

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

function open(database: Promise<Database> = openDatabase()): Todos & { stop: () => void } {
  const scope = effectScope()
  scopes.push(scope)
  const state = scope.run(() => useTodos({ list: 'groceries', connect: () => Promise.resolve(server), database, announce: (text) => heard.push(text) }))
  if (!state) throw new Error('the scope did not run')
  return { ...state, stop: () => scope.stop() }
}

const bread: Todo = { id: 'a', title: 'bread', completed: false, order: 1 }
const salt: Todo = { id: 'b', title: 'salt', completed: true, order: 2 }
const titles = (state: Todos) => state.todos.value.map((todo) => todo.title)
const saved = (state: Todos) => vi.waitFor(() => expect([state.contact.value, state.waiting.value]).toEqual(['connected', 0]))

function filled(...todos: Todo[]) {
  server.todos = todos
  server.revision = 10
}

describe('loading', () => {
  it('writes nothing', async () => {
    filled(bread)
    const state = open()
    await vi.waitFor(() => expect(titles(state)).toEqual(['bread']))
    await saved(state)
    expect(server.received).toEqual([])
  })

  it('that fails is no empty list and no write', async () => {
    filled(bread)
    server.fates.push(new Trouble('busy', 'The store does not answer.', { status: 503, retryAfter: 60_000 }))
    const state = open()
    await vi.waitFor(() => expect(state.contact.value).toBe('troubled'))
    expect(state.loaded.value).toBe(false)
    expect(server.received).toEqual([])
    state.wake()
    await vi.waitFor(() => expect(titles(state)).toEqual(['bread']))
    expect(state.loaded.value).toBe(true)
  })

  it('shows the list of the last visit while there is no server', async () => {
    filled(bread)
    const before = open()
    await saved(before)
    await vi.waitFor(() => expect(before.loaded.value).toBe(true))
    before.stop()
    server.fates.push(unreachable())
    vi.setSystemTime(Date.now() + 3_600_000)
    const state = open()
    await vi.waitFor(() => expect(titles(state)).toEqual(['bread']))
    await vi.waitFor(() => expect(state.contact.value).toBe('unreachable'))
    expect(state.age.value).toBeGreaterThanOrEqual(3_600)
    expect(state.age.value).toBeLessThan(3_700)
  })

  it.each([-86_400_000, 45_000, 86_400_000])('asks when it wakes after the clock has moved by %i ms, and does not call an old list current', async (ms) => {
    filled(bread)
    const state = open()
    await saved(state)
    await vi.waitFor(() => expect(state.age.value).toBe(0))
    vi.setSystemTime(Date.now() + ms)
    const load = vi.spyOn(server, 'load').mockReturnValue(new Promise(() => undefined))
    document.dispatchEvent(new Event('visibilitychange'))
    await vi.waitFor(() => expect(load).toHaveBeenCalled())
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
    await vi.waitFor(() => expect(titles(state)).toEqual(['bread', 'salt']))
    expect(state.here.value).toBe(2)
  })

  it('takes what is added before for what it is, and puts it behind the list', async () => {
    filled(bread)
    server.fates.push(unreachable())
    const state = open()
    state.add(['milk'])
    await vi.waitFor(() => expect(titles(state)).toEqual(['milk']))
    expect(state.loaded.value).toBe(false)
    state.wake()
    await saved(state)
    await vi.waitFor(() => expect(titles(state)).toEqual(['bread', 'milk']))
  })
})

describe('a change', () => {
  it('shows at once and lands', async () => {
    const state = open()
    await saved(state)
    state.add(['milk', 'eggs'])
    expect(titles(state)).toEqual(['milk', 'eggs'])
    await vi.waitFor(() => expect(server.todos.map((todo) => todo.title)).toEqual(['milk', 'eggs']))
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

  it('that is refused is rolled back with a word, which survives the tab until it is dismissed', async () => {
    filled(bread)
    const before = open()
    await vi.waitFor(() => expect(before.loaded.value).toBe(true))
    server.refuse = (operation) => (operation.type === 'update' ? { status: 422, detail: 'Not on Sundays.' } : null)
    before.change('a', { title: 'cake' })
    expect(titles(before)).toEqual(['cake'])
    await vi.waitFor(() => expect(titles(before)).toEqual(['bread']))
    before.stop()
    const state = open()
    await vi.waitFor(() => expect(state.refused.value).toMatchObject([{ about: 'bread', problem: { detail: 'Not on Sundays.' } }]))
    server.refuse = () => null
    state.retryRefused(state.refused.value)
    expect(state.refused.value).toEqual([])
    await vi.waitFor(() => expect(server.todos[0]?.title).toBe('cake'))
  })

  it('whose answer is lost lands once', async () => {
    const state = open()
    await saved(state)
    server.fates.push('lost')
    state.add(['milk'])
    await vi.waitFor(() => expect(state.contact.value).toBe('unreachable'))
    expect(titles(state)).toEqual(['milk'])
    state.wake()
    await saved(state)
    await vi.waitFor(() => expect(server.received).toHaveLength(2))
    expect(server.todos).toHaveLength(1)
    expect(titles(state)).toEqual(['milk'])
  })

  it('would land twice if the server did not go by its id', async () => {
    const state = open()
    await saved(state)
    server.remembers = false
    server.fates.push('lost')
    state.add(['milk'])
    await vi.waitFor(() => expect(state.contact.value).toBe('unreachable'))
    state.wake()
    await saved(state)
    expect(server.todos).toHaveLength(2)
  })

  it('made offline survives the tab and is sent by the next', async () => {
    filled(bread)
    const before = open()
    await saved(before)
    server.fates.push(...Array.from({ length: 20 }, unreachable))
    before.add(['milk'])
    await vi.waitFor(() => expect(before.unkept.value).toBe(false))
    before.stop()
    const state = open()
    await vi.waitFor(() => expect(titles(state)).toEqual(['bread', 'milk']))
    expect(server.todos).toHaveLength(1)
    server.fates.splice(0)
    state.wake()
    await saved(state)
    expect(server.todos.map((todo) => todo.title)).toEqual(['bread', 'milk'])
  })

  it.each([
    ['theirs is kept', false],
    ['mine is used', true],
  ])('that renames what another renamed meanwhile is refused with both titles, and %s', async (_, use) => {
    filled(bread)
    const state = open()
    await vi.waitFor(() => expect(titles(state)).toEqual(['bread']))
    await saved(state)
    server.fates.push(unreachable())
    state.change('a', { title: 'white bread' })
    await vi.waitFor(() => expect(state.contact.value).toBe('unreachable'))
    server.elsewhere({ id: 'x', type: 'update', todoId: 'a', change: { title: 'rye bread' } })
    state.wake()
    await vi.waitFor(() => expect(state.refused.value).toMatchObject([{ operation: { change: { title: 'white bread' } }, problem: { code: 'changed-meanwhile', todo: { title: 'rye bread' } } }]))
    expect(titles(state)).toEqual(['rye bread'])
    if (use) state.retryRefused(state.refused.value)
    else state.dismissRefused(state.refused.value)
    await saved(state)
    expect(state.refused.value).toEqual([])
    expect(server.todos[0]?.title).toBe(use ? 'white bread' : 'rye bread')
  })

  it('of the same title made twice is no conflict', async () => {
    filled(bread)
    const state = open()
    await vi.waitFor(() => expect(titles(state)).toEqual(['bread']))
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
    await vi.waitFor(() => expect(titles(state)).toHaveLength(2))
    await saved(state)
    server.fates.push(unreachable())
    state.completeAll(true)
    await vi.waitFor(() => expect(state.contact.value).toBe('unreachable'))
    server.elsewhere({ id: 'x', type: 'create', todo: { id: 'c', title: 'insulin' } })
    state.wake()
    await saved(state)
    expect(server.todos.map(({ title, completed }) => `${title} ${completed}`)).toEqual(['bread true', 'salt true', 'insulin false'])
  })

  it('without storage is marked as bound to this tab', async () => {
    const state = open(Promise.reject<Database>(new StorageTrouble('Forbidden.')))
    await saved(state)
    server.fates.push(unreachable())
    state.add(['milk'])
    expect(state.unkept.value).toBe(true)
    const leaving = new Event('beforeunload', { cancelable: true })
    window.dispatchEvent(leaving)
    expect(leaving.defaultPrevented).toBe(true)
    expect(state.storageTrouble.value?.message).toBe('Forbidden.')
  })
})

describe('what others do', () => {
  it('appears, and is told', async () => {
    filled(bread)
    const state = open()
    await saved(state)
    await vi.waitFor(() => expect(state.loaded.value).toBe(true))
    server.elsewhere({ id: 'x', type: 'create', todo: { id: 'c', title: 'cheese' } })
    expect(titles(state)).toEqual(['bread', 'cheese'])
    expect(heard).toEqual(['Elsewhere: “cheese” added.'])
  })

  it('is caught up with after an interruption', async () => {
    filled(bread)
    const state = open()
    await saved(state)
    server.todos = [salt]
    server.revision++
    server.breakStreams()
    await vi.waitFor(() => expect(titles(state)).toEqual(['salt']))
  })

  it('is not undone by an event that comes late', async () => {
    filled(bread)
    const state = open()
    await saved(state)
    state.add(['milk'])
    await saved(state)
    await vi.waitFor(() => expect(titles(state)).toEqual(['bread', 'milk']))
    const now = server.snapshot
    server.todos = []
    server.revision = 1
    // The event names an earlier revision, while a read still gives the newest: another server that lags.
    const load = vi.spyOn(server, 'load').mockResolvedValue({ ...now, age: null })
    server.elsewhere()
    await vi.waitFor(() => expect(load).toHaveBeenCalled())
    expect(titles(state)).toEqual(['bread', 'milk'])
  })

  it('and a server that went back offers to put back what is missing', async () => {
    filled(bread, salt)
    const state = open()
    await vi.waitFor(() => expect(titles(state)).toHaveLength(2))
    await saved(state)
    server.todos = [bread]
    server.revision = 1
    state.wake()
    await vi.waitFor(() => expect(titles(state)).toEqual(['bread']))
    expect(state.removal.value?.text).toMatch(/went back to an older state/)
    state.undo()
    await vi.waitFor(() => expect(server.todos).toEqual([bread, salt]))
  })
})

describe('undo', () => {
  it('brings a deleted item back as it was', async () => {
    filled(bread, salt)
    const state = open()
    await vi.waitFor(() => expect(titles(state)).toHaveLength(2))
    state.remove('a')
    await saved(state)
    expect(server.todos).toEqual([salt])
    state.undo()
    expect(state.todos.value).toEqual([bread, salt])
    await saved(state)
    expect(server.todos).toEqual([bread, salt])
    expect(state.removal.value).toBeNull()
  })

  it('brings cleared items back, and nothing that was not seen is cleared', async () => {
    filled(bread, salt)
    const state = open()
    await vi.waitFor(() => expect(titles(state)).toHaveLength(2))
    server.fates.push(unreachable())
    state.clearCompleted()
    await vi.waitFor(() => expect(state.contact.value).toBe('unreachable'))
    server.elsewhere({ id: 'x', type: 'update', todoId: 'a', change: { completed: true } })
    state.wake()
    await saved(state)
    expect(server.todos).toEqual([{ ...bread, completed: true }])
    expect(new Set(server.received.flat()).size).toBe(1) // one operation, and so one revision of the history
    state.undo()
    await saved(state)
    expect(server.todos.map((todo) => todo.title)).toEqual(['bread', 'salt'])
  })
})
