import 'fake-indexeddb/auto'
import { IDBFactory } from 'fake-indexeddb'
import { deleteDB } from 'idb'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Trouble } from '@/api/trouble'
import { MemoryList, unreachable } from '@/testing/memoryList'
import type { Operation } from '@/todos/todo'
import { openDatabase, soon, StorageTrouble, type Database } from './database'
import { keepKey, keptKey } from './keys'
import { Outbox } from './outbox'
import { Sender } from './sender'
import { forget, lastVisited, remember, titlesOf, visit } from './visits'
import { newKey } from '@/todos/listKey'
import { eventually } from '@/testing/eventually'

const list = 'groceries'
const outboxes: Outbox[] = []
const senders: Sender[] = []

beforeEach(() => {
  vi.stubGlobal('indexedDB', new IDBFactory())
})

afterEach(() => {
  for (const sender of senders.splice(0)) sender.close()
  for (const outbox of outboxes.splice(0)) outbox.close()
})

function open(name = list, database = openDatabase()) {
  const events = { changed: vi.fn(), stored: vi.fn(), troubled: vi.fn() }
  const outbox = new Outbox(name, database, events)
  outboxes.push(outbox)
  return { outbox, events, database }
}

function sending(outbox: Outbox, server: MemoryList) {
  const troubles: Trouble[] = []
  const sender = new Sender(list, outbox, () => Promise.resolve(server), { sent: () => undefined, troubled: (trouble) => troubles.push(trouble) })
  senders.push(sender)
  return { sender, troubles }
}

const create = (id: string, title = id): Operation => ({ id: `op-${id}`, type: 'create', todo: { id, title } })
const added = (...operations: Operation[]) => operations.map((operation) => ({ operation, about: 'about' }))
const states = (outbox: Outbox) => outbox.entries.map(({ operation, state }) => `${operation.id} ${state}`)

describe('an outbox', () => {
  it('shows a change at once, and has it on disk when its promise is fulfilled', async () => {
    const { outbox } = open()
    const done = outbox.add(added(create('a')))
    expect(outbox.entries).toMatchObject([{ state: 'waiting', kept: false }])
    await done
    expect(outbox.entries).toMatchObject([{ state: 'waiting', kept: true }])
  })

  it('stores changes that found no space with the next change, and reports it', async () => {
    const { outbox, events, database } = open()
    vi.spyOn(await database, 'transaction').mockImplementationOnce(() => {
      throw new DOMException('There is no space left.', 'QuotaExceededError')
    })
    await outbox.add(added(create('a')))
    expect(events.troubled.mock.lastCall).toMatchObject([{ kind: 'full' }])
    await outbox.add(added(create('b')))
    expect(events.troubled).toHaveBeenLastCalledWith(null)
    const later = open().outbox
    await later.refresh()
    expect(later.entries).toMatchObject([{ kept: true, operation: create('a') }, { kept: true, operation: create('b') }])
  })

  it('survives the tab, in order, and apart from other lists', async () => {
    const first = open()
    await Promise.all([first.outbox.add(added(create('b'), create('a'))), open('other').outbox.add(added(create('x'))), first.outbox.add(added(create('c')))])
    const { outbox } = open()
    await outbox.refresh()
    expect(outbox.entries.map((entry) => entry.operation.id)).toEqual(['op-b', 'op-a', 'op-c'])
  })

  it('keeps what landed until a snapshot contains it, and what was refused until dismissed', async () => {
    const { outbox } = open()
    await outbox.add(added(create('a'), create('b'), create('c')))
    await outbox.settle([
      { id: 'op-a', status: 201, revision: 7 },
      { id: 'op-b', status: 409, revision: 7, problem: { status: 409, title: 'Conflict', detail: 'It exists.' } },
      { id: 'op-c', status: 503, revision: 7 },
    ])
    const want = ['op-a landed', 'op-b refused', 'op-c waiting']
    expect(states(outbox)).toEqual(want)
    const again = open()
    await again.outbox.refresh()
    expect(states(again.outbox)).toEqual(want)

    await again.outbox.confirm({ revision: 6, todos: [] })
    expect(states(again.outbox)).toEqual(want)
    await again.outbox.confirm({ revision: 7, todos: [] })
    expect(states(again.outbox)).toEqual(want.slice(1))
    await again.outbox.dismiss(new Set(['op-b', 'op-c']))
    expect(states(again.outbox)).toEqual(want.slice(2))
    await outbox.refresh()
    expect(states(outbox)).toEqual(want.slice(2))
  })

  it('takes an item that is gone for deleted', async () => {
    const { outbox } = open()
    await outbox.add(added({ id: 'op-d', type: 'delete', todoId: 'd' }, { id: 'op-u', type: 'update', todoId: 'd', change: { completed: true } }))
    await outbox.settle(['op-d', 'op-u'].map((id) => ({ id, status: 404, revision: 3 })))
    expect(states(outbox)).toEqual(['op-d landed', 'op-u refused'])
  })

  it('is right when answers overtake the disk', async () => {
    const { outbox } = open()
    const steps = [
      outbox.add(added(create('a'))),
      outbox.refresh(),
      outbox.settle([{ id: 'op-a', status: 201, revision: 1 }]),
      outbox.refresh(),
      outbox.confirm({ revision: 1, todos: [] }),
    ]
    expect(states(outbox)).toEqual([])
    await Promise.all(steps)
    await outbox.refresh()
    expect(states(outbox)).toEqual([])
  })

  it('gives the stored snapshot', async () => {
    const todos = [{ id: 'a', title: 'A', completed: false, order: 1 }]
    await open().outbox.confirm({ revision: 3, todos })
    const { outbox, events } = open()
    await outbox.refresh()
    expect(events.stored).toHaveBeenCalledWith(expect.objectContaining({ revision: 3, todos }))
  })

  it('sends at most 200 operations and 768 KiB at a time', async () => {
    const { outbox } = open()
    await outbox.add(added(...Array.from({ length: 201 }, (_, i) => create(`s${i}`))))
    expect(outbox.batch(1000)).toHaveLength(200)
    expect(outbox.batch(7)).toHaveLength(7)
    const large = open('large')
    await large.outbox.add(added(...Array.from({ length: 200 }, (_, i) => create(`l${i}`, '🍞'.repeat(2000)))))
    const batch = large.outbox.batch(200)
    expect(batch.length).toBeGreaterThan(50)
    expect(new TextEncoder().encode(JSON.stringify({ operations: batch })).length).toBeLessThan(1024 * 1024)
  })
})

describe('without storage', () => {
  it('holds changes in memory, says so, and sends them', async () => {
    const { outbox, events } = open(list, Promise.reject<Database>(new StorageTrouble('forbidden')))
    await outbox.add(added(create('a')))
    expect(events.troubled).toHaveBeenCalledWith(expect.objectContaining({ kind: 'forbidden' }))
    expect(outbox.entries).toMatchObject([{ state: 'waiting', kept: false }])
    const server = new MemoryList()
    await sending(outbox, server).sender.flush()
    expect(server.todos).toHaveLength(1)
    expect(states(outbox)).toEqual(['op-a landed'])
    await outbox.confirm(server.snapshot)
    expect(states(outbox)).toEqual([])
  })

  it.each(['closed', 'deleted'])('opens the database anew that the browser has %s, and stores there what is missing', async (how) => {
    const { outbox, events, database } = open()
    await outbox.add(added(create('a'), create('b')))
    ;(await database).close()
    if (how === 'deleted') await deleteDB('todos')
    await outbox.settle([{ id: 'op-a', status: 201, revision: 1 }])
    await outbox.add(added(create('c')))
    expect(events.troubled).toHaveBeenLastCalledWith(null)
    const later = open().outbox
    await later.refresh()
    expect(states(later)).toEqual(['op-a landed', 'op-b waiting', 'op-c waiting'])
  })

  it('holds what it has in memory while the database does not open, and puts it there when it does', async () => {
    const before = open()
    await before.outbox.add(added(create('a')))
    await before.outbox.confirm({ revision: 3, todos: [] })
    const tab = await before.database
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const late = new Promise<Database>((resolve) => setTimeout(() => resolve(openDatabase()), 60_000))
    const { outbox, events } = open(list, late)
    const kept = outbox.add(added(create('b'), create('c'), create('d')))
    try {
      await eventually(() => vi.advanceTimersByTimeAsync(5_000).then(() => expect(events.troubled).toHaveBeenCalledWith(expect.objectContaining({ kind: 'silent' }))))
      await kept
      expect(states(outbox)).toEqual(['op-b waiting', 'op-c waiting', 'op-d waiting'])
      await outbox.settle([{ id: 'op-b', status: 201, revision: 4 }, { id: 'op-c', status: 201, revision: 6 }])
      await outbox.confirm({ revision: 4, todos: [], title: 'Food' })
      await vi.advanceTimersByTimeAsync(60_000)
    } finally {
      vi.useRealTimers()
    }
    await eventually(() => expect(events.troubled).toHaveBeenLastCalledWith(null))
    await eventually(async () => expect(await tab.get('snapshots', list)).toMatchObject({ revision: 4, title: 'Food' }))
    expect(events.stored).not.toHaveBeenCalled() // what is shown is newer
    const want = ['op-a waiting', 'op-c landed', 'op-d waiting']
    expect(states(outbox)).toEqual(want)
    expect(outbox.entries.every((entry) => entry.kept)).toBe(true)
    const next = open()
    await next.outbox.refresh()
    expect(states(next.outbox)).toEqual(want)
  })

  it('does not wait for a database that never opens', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      const opened = expect(soon(new Promise(() => undefined))).rejects.toMatchObject({ kind: 'silent' })
      await vi.runOnlyPendingTimersAsync()
      await opened
    } finally {
      vi.useRealTimers()
    }
  })
})

describe('a sender', () => {
  it('sends in order, in batches', async () => {
    const { outbox } = open()
    const server = new MemoryList()
    const operations = Array.from({ length: 450 }, (_, i) => create(`a${i}`))
    await outbox.add(added(...operations))
    await sending(outbox, server).sender.flush()
    expect(server.received.map((batch) => batch.length)).toEqual([200, 200, 50])
    expect(server.todos.map((todo) => todo.id)).toEqual(operations.map((operation) => operation.type === 'create' && operation.todo.id))
  })

  it('sends again, under the same ids, what was not answered: each lands once', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      const { outbox } = open()
      const server = new MemoryList()
      server.fates.push(unreachable(), 'lost', new Trouble('busy', 'Later.', { status: 503, retryAfter: 2000 }))
      await outbox.add(added(create('a'), create('b')))
      const { sender, troubles } = sending(outbox, server)
      await sender.flush()
      expect(states(outbox)).toEqual(['op-a waiting', 'op-b waiting'])
      await eventually(async () => {
        await vi.runOnlyPendingTimersAsync()
        expect(states(outbox)).toEqual(['op-a landed', 'op-b landed'])
      })
      expect(troubles.map((trouble) => trouble.kind)).toEqual(['unreachable', 'unreachable', 'busy'])
      expect(server.received).toEqual(Array.from({ length: 4 }, () => ['op-a', 'op-b']))
      expect(server.todos.map((todo) => todo.id)).toEqual(['a', 'b'])
    } finally {
      vi.useRealTimers()
    }
  })

  it('finds the one operation for which a request is refused as a whole', async () => {
    const { outbox } = open()
    const server = new MemoryList()
    const send = server.send.bind(server)
    server.send = (operations) => (operations.some(({ id }) => id === 'op-bad') ? Promise.reject(new Trouble('refused', 'Not this.', { status: 400 })) : send(operations))
    await outbox.add(added(...Array.from({ length: 10 }, (_, i) => create(i === 6 ? 'bad' : `a${i}`))))
    await sending(outbox, server).sender.flush()
    expect(server.todos).toHaveLength(9)
    expect(outbox.entries.filter((entry) => entry.state === 'refused')).toMatchObject([{ operation: { id: 'op-bad' }, problem: { status: 400, detail: 'Not this.' } }])
  })

  it.each([['first', 'bad', 'milk', 'bread'], ['in the middle', 'milk', 'bad', 'bread'], ['last', 'milk', 'bread', 'bad']])('sets aside the operation that a firewall refuses, with later ones on its item, when it is %s', async (_, ...names) => {
    const { outbox } = open()
    const server = new MemoryList()
    const send = server.send.bind(server)
    server.send = (operations) => (operations.some(({ id }) => id === 'op-bad') ? Promise.reject(new Trouble('refused', 'Forbidden', { status: 403 })) : send(operations))
    await outbox.add(added(...names.flatMap((name): Operation[] => [create(name), ...(name === 'bad' ? [{ id: 'op-after', type: 'update', todoId: 'bad', change: { completed: true } } as const] : [])])))
    const { sender, troubles } = sending(outbox, server)
    await sender.flush()
    expect(server.todos.map((todo) => todo.id)).toEqual(['milk', 'bread'])
    expect(states(outbox).sort()).toEqual(['op-after refused', 'op-bad refused', 'op-bread landed', 'op-milk landed'])
    expect(troubles).toEqual([])
  })

  it.each([['every request', 20, 20], ['every request after the first', 220, 20]])('refuses nothing when %s is refused', async (_, count, left) => {
    const { outbox } = open()
    const server = new MemoryList()
    const sendFirst = server.send.bind(server)
    const send = vi.spyOn(server, 'send').mockRejectedValue(new Trouble('refused', 'Forbidden', { status: 403 }))
    if (count > left) send.mockImplementationOnce(sendFirst)
    await outbox.add(added(...Array.from({ length: count }, (_, i) => create(`a${i}`))))
    const { sender, troubles } = sending(outbox, server)
    await sender.flush()
    expect(outbox.entries.filter((entry) => entry.state === 'waiting')).toHaveLength(left)
    expect(outbox.entries.filter((entry) => entry.state === 'refused')).toEqual([])
    expect(troubles).toHaveLength(1)
    expect(send.mock.calls.length).toBeLessThan(15)
  })

  it.each([
    ['refused', 401],
    ['refused', 404],
    ['unreadable', 200],
  ] as const)('keeps everything when the answer is %s (%i)', async (kind, status) => {
    const { outbox } = open()
    const server = new MemoryList()
    server.fates.push(new Trouble(kind, 'Not this page.', { status }))
    await outbox.add(added(create('a')))
    const { sender, troubles } = sending(outbox, server)
    await sender.flush()
    expect(troubles).toHaveLength(1)
    expect(states(outbox)).toEqual(['op-a waiting'])
  })
})

it('remembers the lists that were visited, the latest first, whatever the clock says', async () => {
  const database = await openDatabase()
  expect(await lastVisited(database)).toBeNull()
  for (const name of ['a', 'b', 'a', 'c']) await visit(database, name)
  expect(await lastVisited(database)).toBe('c')
  expect(await visit(database, 'd')).toEqual(['c', 'a', 'b'])
  expect(await visit(database, null)).toEqual(['d', 'c', 'a', 'b'])
  await forget(database, 'c')
  expect(await visit(database, null)).toEqual(['d', 'a', 'b'])
  for (let i = 0; i < 20; i++) await visit(database, `x${i}`)
  for (let i = 0; i < 20; i++) await visit(database, (await newKey()).list)
  expect(await visit(database, null)).toHaveLength(28) // private lists without a limit
  const undo = await forget(database, 'x15')
  expect(await visit(database, null)).not.toContain('x15')
  await remember(database, undo)
  expect((await visit(database, null)).indexOf('x15')).toBe(24)

  const mine = await newKey()
  await visit(database, mine.list)
  await keepKey(database, mine)
  const was = await forget(database, mine.list)
  expect(await keptKey(database, mine.list)).toBeUndefined()
  await remember(database, was)
  expect(await keptKey(database, mine.list)).toBe(mine.text)
  await open(mine.list, Promise.resolve(database)).outbox.add(added(create('a')))
  await forget(database, mine.list)
  expect(await keptKey(database, mine.list)).toBe(mine.text) // the waiting changes are sent with it

  await database.put('snapshots', { list: 'x15', revision: 1, todos: [], title: 'Party' })
  await database.put('snapshots', { list: 'x16', revision: 1, todos: [] })
  expect(await titlesOf(database, ['x15', 'x16', 'x17'])).toEqual(new Map([['x15', 'Party']]))
})
