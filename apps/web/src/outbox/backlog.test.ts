import 'fake-indexeddb/auto'
import { IDBFactory } from 'fake-indexeddb'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { MemoryList, unreachable } from '@/testing/memoryList'
import { MemoryLocks } from '@/testing/memoryLocks'
import { Backlog, type Backlogged } from './backlog'
import { openDatabase, usable } from './database'
import { keepKey } from './keys'
import { Outbox } from './outbox'
import { eventually } from '@/testing/eventually'
import { newKey } from '@/todos/listKey'

const closing: { close(): void }[] = []
let locks: MemoryLocks
let servers: Map<string, MemoryList>

beforeEach(() => {
  vi.stubGlobal('indexedDB', new IDBFactory())
  locks = new MemoryLocks()
  vi.stubGlobal('navigator', { locks })
  servers = new Map(['a', 'b', 'shown'].map((list) => [list, new MemoryList()]))
})
afterEach(() => {
  for (const one of closing.splice(0)) one.close()
  vi.unstubAllGlobals()
})

function tab(shown: string | null, database = openDatabase()) {
  const told: ReadonlyMap<string, Backlogged>[] = [new Map<string, Backlogged>()]
  const asked: string[] = []
  const keys: (string | undefined)[] = []
  const connect = (list: string, key?: string) => {
    asked.push(list)
    keys.push(key)
    const server = servers.get(list)
    return server ? Promise.resolve(server) : Promise.reject(unreachable())
  }
  const backlog = new Backlog(shown, database, connect, (lists) => told.push(lists))
  closing.push(backlog)
  return { backlog, asked, keys, told: () => Object.fromEntries(told.at(-1) ?? []) }
}

async function add(list: string, ...ids: string[]) {
  const outbox = new Outbox(list, openDatabase(), { changed: () => undefined, stored: () => undefined, troubled: () => undefined })
  closing.push(outbox)
  await outbox.add(ids.map((id) => ({ operation: { id: `op-${id}`, type: 'create', todo: { id, title: id } }, about: id })))
}
const onServer = (list: string) => servers.get(list)?.todos.map(({ id }) => id)

it('sends what earlier visits left for every list but the one shown', async () => {
  await add('a', '1', '2')
  await add('b', '3')
  await add('shown', '4')
  const { backlog, asked, told } = tab('shown')
  await eventually(() => expect(told()).toEqual({ a: { waiting: 2, refused: 0 }, b: { waiting: 1, refused: 0 } }))
  expect(asked).toEqual([])
  backlog.take()
  await eventually(() => expect(told()).toEqual({}))
  expect([onServer('a'), onServer('b'), onServer('shown')]).toEqual([['1', '2'], ['3'], []])
})

it('sends what another tab adds, and tries again what fails', async () => {
  const { backlog, told } = tab('shown')
  backlog.take()
  servers.get('a')?.fates.push(unreachable())
  await add('a', '1')
  await eventually(() => expect(told()).toEqual({ a: { waiting: 1, refused: 0 } }))
  await eventually(() => expect(onServer('a')).toEqual(['1']))
  await eventually(() => expect(told()).toEqual({}))
})

it('continues with other lists when one cannot be sent, and counts refused changes', async () => {
  await add('a', '1')
  await add('away', '2')
  await add('b', '3')
  const refusing = servers.get('a')
  if (refusing) refusing.refuse = () => ({ status: 422, detail: 'No.' })
  const { backlog, told } = tab(null)
  backlog.take()
  await eventually(() => expect(told()).toEqual({ a: { waiting: 0, refused: 1 }, away: { waiting: 1, refused: 0 } }))
  expect(onServer('b')).toEqual(['3'])
})

it('leaves the sending to the tab that took it last, and takes it back', async () => {
  const [one, two] = [tab('x'), tab('y')]
  one.backlog.take()
  await add('a', '1')
  await eventually(() => expect(onServer('a')).toEqual(['1']))
  two.backlog.take()
  two.backlog.take() // as a page that is loaded and shown does
  await eventually(() => expect(locks.waiting).toBe(1))
  servers.get('b')?.fates.push(unreachable()) // the next try is that tab's too
  await add('b', '2')
  await eventually(() => expect(onServer('b')).toEqual(['2']))
  expect([one.asked, two.asked]).toEqual([['a'], ['b', 'b']])
  two.backlog.close()
  await eventually(() => expect(locks.waiting).toBe(0))
  await add('a', '3')
  await eventually(() => expect(onServer('a')).toEqual(['1', '3']))
})

it('finds a list and its key in the database that replaces one that the browser closed', async () => {
  const database = openDatabase()
  const { backlog, keys } = tab('shown', database)
  backlog.take()
  for (let closed = 0; closed < 2; closed++) {
    ;(await usable(database)).close()
    const key = await newKey()
    servers.set(key.list, new MemoryList())
    await keepKey(await usable(database), key)
    await add(key.list, '1')
    await eventually(() => expect(onServer(key.list)).toEqual(['1']))
    expect(keys.at(-1)).toBe(key.text)
  }
})
