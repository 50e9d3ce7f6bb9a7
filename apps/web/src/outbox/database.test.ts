import 'fake-indexeddb/auto'
import { IDBFactory } from 'fake-indexeddb'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { MemoryList } from '@/testing/memoryList'
import { newKey, parseKey } from '@/todos/listKey'
import { openDatabase } from './database'
import { keepKey, keptKey } from './keys'
import { Outbox } from './outbox'
import { Sender } from './sender'
import { lastVisited } from './visits'

beforeEach(() => {
  vi.stubGlobal('indexedDB', new IDBFactory())
})

/** The database as the first version of the page made it, with what it kept there. */
function writeVersion1(): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open('todos', 1)
    request.onerror = () => reject(new Error('not opened', { cause: request.error }))
    request.onupgradeneeded = () => {
      const operations = request.result.createObjectStore('operations', { keyPath: 'key', autoIncrement: true })
      operations.createIndex('list', 'list')
      operations.add({ list: 'groceries', operation: { id: 'op-1', type: 'create', todo: { id: 'salt', title: 'salt' } }, about: 'salt', state: 'waiting' })
      operations.add({ list: 'groceries', operation: { id: 'op-2', type: 'update', todoId: 'bread', change: { completed: true } }, about: 'bread', state: 'waiting' })
      operations.add({ list: 'work', operation: { id: 'op-3', type: 'delete', todoId: 'x' }, about: 'x', state: 'refused', problem: { status: 422, title: 'No', detail: '' } })
      request.result.createObjectStore('snapshots', { keyPath: 'list' }).add({ list: 'groceries', revision: 7, todos: [{ id: 'bread', title: 'bread', completed: false, order: 1 }] })
      const visits = request.result.createObjectStore('visits', { keyPath: 'key', autoIncrement: true })
      visits.createIndex('list', 'list')
      visits.add({ list: 'groceries' })
    }
    request.onsuccess = () => {
      request.result.close()
      resolve()
    }
  })
}

describe('a database of version 1', () => {
  it('is taken over with all that it holds, and what waits is sent', async () => {
    await writeVersion1()
    const database = await openDatabase()
    expect(await lastVisited(database)).toBe('groceries')
    expect((await database.getAll('operations')).map(({ operation, state }) => [operation.id, state])).toEqual([['op-1', 'waiting'], ['op-2', 'waiting'], ['op-3', 'refused']])

    const stored = vi.fn()
    const outbox = new Outbox('groceries', Promise.resolve(database), { changed: () => undefined, stored, troubled: () => undefined })
    await outbox.refresh()
    expect(stored).toHaveBeenCalledWith(expect.objectContaining({ revision: 7 }))
    const server = new MemoryList()
    server.todos = [{ id: 'bread', title: 'bread', completed: false, order: 1 }]
    await new Sender('groceries', outbox, () => Promise.resolve(server), { sent: () => undefined, troubled: () => undefined }).flush()
    expect(server.todos.map(({ id, completed }) => [id, completed])).toEqual([['bread', true], ['salt', false]])
    outbox.close()
  })

  it('takes keys', async () => {
    await writeVersion1()
    const [database, key] = [await openDatabase(), await newKey()]
    await keepKey(database, key)
    expect(await keptKey(database, key.list)).toBe(key.text)
  })
})

describe('keys', () => {
  it('are found by the name of their list', async () => {
    const database = await openDatabase()
    const [one, two] = [await newKey(), await newKey()]
    await keepKey(database, one)
    await keepKey(database, two)
    expect(await keptKey(database, one.list)).toBe(one.text)
    expect(await keptKey(database, (await newKey()).list)).toBeUndefined()
  })

  it('to edit replace those to read, and not the other way round', async () => {
    const database = await openDatabase()
    const edit = await newKey()
    const read = await parseKey(edit.readText)
    if (!read) throw new Error('not a key')
    await keepKey(database, read)
    expect(await keptKey(database, edit.list)).toBe(read.text)
    await keepKey(database, edit)
    await keepKey(database, read)
    expect(await keptKey(database, edit.list)).toBe(edit.text)
  })
})
