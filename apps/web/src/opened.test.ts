// @vitest-environment happy-dom
import 'fake-indexeddb/auto'
import { IDBFactory } from 'fake-indexeddb'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { open } from './opened'
import { openDatabase, type Database } from './outbox/database'
import { keepKey, keptKey } from './outbox/keys'
import { visit } from './outbox/visits'
import { newKey } from './todos/listKey'
import { eventually } from '@/testing/eventually'

let database: Promise<Database>
const [key, another] = [await newKey(), await newKey()]
const address = () => location.search + location.hash

beforeEach(() => {
  vi.stubGlobal('indexedDB', new IDBFactory())
  database = openDatabase()
})

function at(address: string) {
  history.replaceState(null, '', `/${address}`)
  return open(database)
}

describe('an address', () => {
  it('without a name opens the default list', async () => {
    expect(await at('')).toEqual({ asked: null, list: 'default', key: null, moved: false, problem: null })
    expect(address()).toBe('')
  })

  it('of a plain list needs no key', async () => {
    expect(await at('?list=São+João#/active')).toEqual({ asked: 'São João', list: 'São João', key: null, moved: false, problem: null })
  })

  it('with a key opens a private list, and the key is kept', async () => {
    expect(await at(`?list=${key.list}#key=${key.text}`)).toEqual({ asked: key.list, list: key.list, key, moved: false, problem: null })
    await eventually(async () => expect(await keptKey(await database, key.list)).toBe(key.text))
  })

  it('of a key alone names the list', async () => {
    expect(await at(`#key=${key.readText}`)).toMatchObject({ list: key.list, key: { access: 'read' }, problem: null })
    expect(address()).toBe(`?list=${key.list}#/&key=${key.readText}`)
  })

  it('without the key takes the one that is kept', async () => {
    await keepKey(await database, key)
    expect(await at(`?list=${key.list}#/completed`)).toMatchObject({ key, problem: null })
    expect(address()).toBe(`?list=${key.list}#/completed&key=${key.text}`)
  })

  it('to look at a list only looks, though a key to edit is kept', async () => {
    await keepKey(await database, key)
    expect(await at(`?list=${key.list}#key=${key.readText}`)).toMatchObject({ key: { access: 'read' }, problem: null })
  })

  it('that asks for the list shown last opens it', async () => {
    await visit(await database, key.list)
    await keepKey(await database, key)
    expect(await at('?open=last')).toMatchObject({ list: key.list, key, problem: null })
  })

  it.each([
    ['has no key', `?list=${key.list}`, 'key', /no key/],
    ['has half of a key', `?list=${key.list}#key=${key.text.slice(1)}`, 'key', /not complete/],
    ['has the key of another list', `?list=${another.list}#key=${key.text}`, 'key', /another list/],
    ['has a key for a plain list', `?list=groceries#key=${key.text}`, 'key', /another list/],
    ['names no possible list', '?list=a/b', 'name', /cannot contain/],
  ])('that %s opens nothing, and says why', async (_, where, about, sentence) => {
    expect(await at(where)).toMatchObject({ key: null, problem: { about, sentence: expect.stringMatching(sentence) as string } })
    expect(address()).toBe(where)
  })

  it('takes the kept key as well when the storage opens late', async () => {
    await keepKey(await database, key)
    let openLate: (opened: Promise<Database>) => void = () => undefined
    const late = new Promise<Database>((resolve) => (openLate = resolve))
    const opened = database
    database = late
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      const result = at(`?list=${key.list}#/active`)
      await vi.runOnlyPendingTimersAsync()
      expect(await result).toMatchObject({ problem: { about: 'key' } })
    } finally {
      vi.useRealTimers()
    }
    const replace = vi.spyOn(location, 'replace').mockImplementation(() => undefined)
    openLate(opened)
    await eventually(() => expect(replace).toHaveBeenCalledWith(`?list=${key.list}#/active&key=${key.text}`))
  })

  it('opens by its key where nothing can be kept', async () => {
    database = Promise.reject(new Error('no storage'))
    database.catch(() => undefined)
    expect(await at(`?list=${key.list}#key=${key.text}`)).toMatchObject({ key, problem: null })
    expect(await at(`?list=${key.list}`)).toMatchObject({ problem: { about: 'key' } })
  })
})
