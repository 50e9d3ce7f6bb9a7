import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { silence, watchList, type Watch } from './watch'

// A real server whose streams the test writes, and real requests to it; only the page's timers are not real.
let streams: ServerResponse[]
let requests: IncomingMessage[]
let head: [number, Record<string, string>]
let address: string
let watch: Watch | undefined
const server = createServer((request, response) => {
  requests.push(request)
  streams.push(response)
  response.writeHead(...head)
  response.flushHeaders()
})
const watcher = { opened: vi.fn(), received: vi.fn(), alive: vi.fn(), heartbeat: vi.fn(), lost: vi.fn(), failed: vi.fn() }

beforeEach(async () => {
  streams = []
  requests = []
  head = [200, { 'Content-Type': 'text/event-stream' }]
  for (const heard of Object.values(watcher)) heard.mockReset()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/events`
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] })
})
afterEach(async () => {
  vi.useRealTimers()
  watch?.close()
  await new Promise((resolve) => (server.closeAllConnections(), server.close(resolve)))
})

// Not vi.waitFor, which would move the timers that are not real.
async function until(condition: () => boolean) {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}
const event = (revision: number) => `event: list\nid: ${revision}\ndata: ${JSON.stringify({ revision, title: '', todos: [] })}\n\n`

async function opened(count = 1) {
  await until(() => watcher.opened.mock.calls.length === count)
}

describe('a stream', () => {
  it('gives each state of the list, however its bytes are cut', async () => {
    watch = watchList(address, watcher)
    await opened()
    const bytes = Buffer.from(event(3).replace('[]', '[{"id":"a","title":"pão 🍞","completed":false,"order":1}]'))
    for (const byte of bytes) streams[0]?.write(Buffer.of(byte))
    await until(() => watcher.received.mock.calls.length === 1)
    expect(watcher.received).toHaveBeenCalledWith({ revision: 3, title: '', todos: [{ id: 'a', title: 'pão 🍞', completed: false, order: 1 }] })
  })

  it.each([': heartbeat\n\n', 'event: heartbeat\ndata: {"revision":3,"here":2}\n\n', 'event: of-a-newer-version\ndata: x\n\n'])('lives while it sends %j, and is opened again when it falls silent', async (life) => {
    watch = watchList(address, watcher)
    await opened()
    for (let i = 1; i <= 3; i++) {
      vi.advanceTimersByTime(silence - 1)
      streams[0]?.write(life)
      await until(() => watcher.alive.mock.calls.length === i)
    }
    expect(watcher.lost).not.toHaveBeenCalled()
    vi.advanceTimersByTime(silence)
    expect(watcher.lost).toHaveBeenCalledTimes(1)
    await opened(2)
    streams[1]?.write(event(4))
    await until(() => watcher.received.mock.calls.length === 1)
    expect(watcher.failed).not.toHaveBeenCalled()
  })

  it('that is cut whenever it opens is reopened after longer pauses, and after a short one once it has lived', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0)
    const headers = vi.fn(() => Promise.resolve({})) // called at each attempt
    watch = watchList(address, watcher, headers)
    const cut = async (times: number, pause: number) => {
      await opened(times)
      streams[times - 1]?.end(event(times))
      await until(() => watcher.lost.mock.calls.length === times)
      vi.advanceTimersByTime(pause - 1)
      expect(headers).toHaveBeenCalledTimes(times)
      vi.advanceTimersByTime(1)
      expect(headers).toHaveBeenCalledTimes(times + 1)
    }
    await cut(1, 500)
    await cut(2, 1000)
    await cut(3, 2000)
    await opened(4)
    vi.advanceTimersByTime(silence - 1)
    streams[3]?.write(event(4))
    await until(() => watcher.received.mock.calls.length === 4)
    await cut(4, 500)
    await opened(5)
  })

  describe('that sends changes', () => {
    const todo = (id: string, order: number, title = id) => ({ id, title, completed: false, order })
    const list = (id: string, revision: number, ...todos: unknown[]) => `event: list\nid: ${id}\ndata: ${JSON.stringify({ revision, title: 'T', todos })}\n\n`
    const changes = (id: string, revision: number, from: string, changed: unknown[], removed: string[] = [], title?: string) =>
      `event: changes\nid: ${id}\ndata: ${JSON.stringify({ revision, from, title, changed, removed })}\n\n`
    const received = (count: number) => until(() => watcher.received.mock.calls.length === count)

    it('gives the list that they make', async () => {
      watch = watchList(address, watcher)
      await opened()
      expect(requests[0]?.url).toBe('/events?changes=true')
      streams[0]?.write(list('3-a', 3, todo('a', 1), todo('b', 2), todo('c', 3)))
      streams[0]?.write(changes('4-b', 4, '3-a', [todo('c', 0), todo('d', 2), todo('a', 1, 'A')], ['b']))
      streams[0]?.write(changes('5-c', 5, '4-b', [], [], 'U'))
      await received(3)
      const todos = [todo('c', 0), todo('a', 1, 'A'), todo('d', 2)]
      expect(watcher.received.mock.calls.slice(1)).toEqual([[{ revision: 4, title: 'T', todos }], [{ revision: 5, title: 'U', todos }]])
    })

    it('is opened anew when some were missed', async () => {
      watch = watchList(address, watcher)
      await opened()
      streams[0]?.write(list('3-a', 3) + changes('5-c', 5, '4-b', [todo('a', 1)]) + changes('6-d', 6, '5-c', [todo('b', 1)]))
      await opened(2)
      expect(requests[1]?.headers['last-event-id']).toBeUndefined()
      streams[1]?.write(list('6-d', 6, todo('a', 1), todo('b', 1)))
      await received(2)
      expect(watcher.received).toHaveBeenLastCalledWith({ revision: 6, title: 'T', todos: [todo('a', 1), todo('b', 1)] })
      expect(watcher.failed).not.toHaveBeenCalled()
    })

    it('continues where it was cut off, and reports an unchanged list', async () => {
      watch = watchList(address, watcher)
      await opened()
      streams[0]?.write(list('3-a', 3, todo('a', 1)))
      await received(1)
      streams[0]?.write(changes('4-b', 4, '3-a', [todo('b', 2)]).slice(0, -30))
      streams[0]?.end()
      await until(() => watcher.lost.mock.calls.length === 1)
      vi.advanceTimersByTime(2000)
      await opened(2)
      expect(requests[1]?.headers['last-event-id']).toBe('3-a')
      streams[1]?.write('event: heartbeat\ndata: {"revision":3,"here":1}\n\n')
      await received(2)
      streams[1]?.write(changes('4-b', 4, '3-a', [todo('b', 2)]))
      await received(3)
      expect(watcher.received.mock.calls.slice(1)).toEqual([[{ revision: 3, title: 'T', todos: [todo('a', 1)] }], [{ revision: 4, title: 'T', todos: [todo('a', 1), todo('b', 2)] }]])
    })
  })

  it.each<[string, number | null]>([
    ['{"revision":3,"here":2}', 2],
    ['{"revision":3}', null],
  ])('gives the heartbeat %s', async (data, here) => {
    watch = watchList(address, watcher)
    await opened()
    streams[0]?.write(`event: heartbeat\ndata: ${data}\n\n`)
    await until(() => watcher.heartbeat.mock.calls.length === 1)
    expect(watcher.heartbeat).toHaveBeenCalledWith(3, here)
  })

  it.each([-86_400_000, 60_000, 3_600_000])('is opened again by a check after the clock has moved by %i ms, and not while it lives', async (ms) => {
    watch = watchList(address, watcher)
    await opened()
    watch.check()
    expect(watcher.lost).not.toHaveBeenCalled()
    vi.setSystemTime(Date.now() + ms)
    watch.check()
    expect(watcher.lost).toHaveBeenCalledTimes(1)
    await opened(2)
  })

  it.each<[string, number, Record<string, string>]>([
    ['a redirect', 302, { Location: '/login' }],
    ['a 401', 401, {}],
    ['a page', 200, { 'Content-Type': 'text/html' }],
  ])('that %s answers reports a sign-in', async (_, status, headers) => {
    head = [status, headers]
    watch = watchList(address, watcher)
    await until(() => watcher.failed.mock.calls.length === 1)
    expect(watcher.failed).toHaveBeenCalledWith(expect.objectContaining({ kind: 'signin' }))
    expect(watcher.opened).not.toHaveBeenCalled()
  })
})
