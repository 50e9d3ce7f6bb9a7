// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { shareWatch, seats } from './shareWatch'
import { silence, type Watch, type Watcher } from './watch'
import { Trouble } from './trouble'
import { MemoryLocks } from '@/testing/memoryLocks'
import { eventually } from '@/testing/eventually'

// Windows of one browser: real channels between them, and streams that the test speaks on.
interface Stream {
  readonly list: string
  readonly watcher: Watcher
  open: boolean
}
let streams: Stream[]
let windows: Watch[]
let focused: boolean
let lists = 0
const now = () => streams.filter(({ open }) => open)
const snapshot = (revision: number) => ({ revision, todos: [{ id: 'a', title: 'pão', completed: false, order: 1 }] })

beforeEach(() => {
  streams = []
  windows = []
  focused = false
  lists++ // another list for each test: a channel of the one before may still have words under way
  vi.stubGlobal('navigator', { locks: new MemoryLocks() })
  vi.spyOn(document, 'hasFocus').mockImplementation(() => focused)
})
afterEach(() => {
  vi.useRealTimers()
  for (const each of windows) each.close()
  vi.unstubAllGlobals()
})

function heard() {
  return { opened: vi.fn(), received: vi.fn(), alive: vi.fn(), heartbeat: vi.fn(), lost: vi.fn(), failed: vi.fn() }
}

function openWindow(list = 'list') {
  const watcher = heard()
  const watch = shareWatch(`${list} ${lists}`, (shared) => {
    const stream = { list, watcher: shared, open: true }
    streams.push(stream)
    return { close: () => (stream.open = false), check: vi.fn() }
  }, watcher)
  windows.push(watch)
  return { ...watcher, watch }
}

async function two() {
  const first = openWindow()
  await eventually(() => expect(streams).toHaveLength(1))
  streams[0]?.watcher.opened()
  streams[0]?.watcher.received(snapshot(3))
  const second = openWindow()
  await eventually(() => expect(second.received).toHaveBeenCalledWith(snapshot(3)))
  return { first, second }
}

describe('several windows on one list', () => {
  it('share one stream, and one that comes later gets the list as it is', async () => {
    const { first, second } = await two()
    const third = openWindow()
    await eventually(() => expect(third.received).toHaveBeenCalledWith(snapshot(3)))
    streams[0]?.watcher.received(snapshot(4))
    streams[0]?.watcher.heartbeat(4, 2)
    for (const each of [first, second, third]) {
      await eventually(() => expect(each.heartbeat).toHaveBeenCalledWith(4, 2))
      expect(each.received).toHaveBeenLastCalledWith(snapshot(4))
      expect(each.opened).toHaveBeenCalledTimes(1)
    }
    expect(streams).toHaveLength(1)
  })

  it('hear that it broke, and go on with it when it is open again', async () => {
    const { first, second } = await two()
    streams[0]?.watcher.failed(new Trouble('signin', 'Sign in.'))
    streams[0]?.watcher.lost()
    await eventually(() => expect(second.lost).toHaveBeenCalledTimes(1))
    streams[0]?.watcher.opened()
    await eventually(() => expect(second.opened).toHaveBeenCalledTimes(2))
    expect([first.failed.mock.calls.length, second.failed.mock.calls.length]).toEqual([1, 0])
  })

  it('continue when the streaming one is closed', async () => {
    const { first, second } = await two()
    first.watch.close()
    await eventually(() => expect(streams).toHaveLength(2))
    expect(now()).toHaveLength(1)
    streams[1]?.watcher.opened()
    streams[1]?.watcher.received(snapshot(5))
    expect(second.received).toHaveBeenLastCalledWith(snapshot(5))
  })

  it('continue when the streaming one is suspended', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] })
    const { second } = await two()
    vi.advanceTimersByTime(silence - 1)
    expect(streams).toHaveLength(1)
    vi.advanceTimersByTime(1)
    vi.useRealTimers()
    await eventually(() => expect(streams).toHaveLength(2))
    expect(second.lost).toHaveBeenCalledTimes(1)
    await eventually(() => expect(now()).toHaveLength(1)) // it was stolen from the first
    streams[1]?.watcher.opened()
    expect(second.opened).toHaveBeenCalledTimes(2)
  })

  it('take each other’s word for it after a farewell that came late', async () => {
    const { second } = await two()
    streams[0]?.watcher.lost()
    await eventually(() => expect(second.lost).toHaveBeenCalledTimes(1))
    streams[0]?.watcher.alive()
    await eventually(() => expect(second.alive).toHaveBeenCalledTimes(1))
    expect(second.opened).toHaveBeenCalledTimes(2)
  })
})

describe('windows on more lists than there are seats', () => {
  const names = [...seats, 'one more'].map((_, i) => `list ${i}`)

  it('stream no more than that', async () => {
    for (const name of names) openWindow(name)
    await eventually(() => expect(now()).toHaveLength(seats.length))
    windows[0]?.close()
    await eventually(() => expect(now().map(({ list }) => list)).toEqual(names.slice(1)))
  })

  it('stream the one that is looked at', async () => {
    for (const name of names.slice(0, -1)) openWindow(name)
    await eventually(() => expect(now()).toHaveLength(seats.length))
    focused = true
    openWindow(names.at(-1))
    await eventually(() => expect(now().at(-1)?.list).toBe(names.at(-1)))
    expect(now()).toHaveLength(seats.length)
  })

  it('stream the one that gets the focus', async () => {
    for (const name of names) openWindow(name)
    await eventually(() => expect(now()).toHaveLength(seats.length))
    for (const { watcher } of now()) watcher.opened()
    window.dispatchEvent(new Event('focus'))
    await eventually(() => expect(now().at(-1)?.list).toBe(names.at(-1)))
    expect(now()).toHaveLength(seats.length)
  })
})

it('a window without Web Locks streams by itself', () => {
  vi.stubGlobal('navigator', {})
  openWindow()
  openWindow()
  expect(now()).toHaveLength(2)
})
