import { createParser, type EventSourceMessage } from 'eventsource-parser'
import { decodeChanges, decodeHeartbeat, decodeSnapshot } from './decode'
import { parse, signInTrouble } from './request'
import { Trouble } from './trouble'
import type { Snapshot, Todo } from '@/todos/todo'

export interface Watcher {
  /** The stream is open; the present list follows. */
  opened(): void
  received(snapshot: Snapshot): void
  /** Data arrived, a comment at least: the stream is alive. */
  alive(): void
  /** The list is still at a revision; the server has that many streams of it open, if it reports them. */
  heartbeat(revision: number, here: number | null): void
  /** The stream broke or fell silent. It is reopened automatically. */
  lost(): void
  /** An event was invalid. */
  failed(trouble: Trouble): void
}

export interface Watch {
  close(): void
  /** Reopens the stream unless data arrived recently: after sleep, or when the network is back. */
  check(): void
}

type Titled = ReturnType<typeof decodeSnapshot>

/** Milliseconds without data after which a stream counts as dead. Heartbeats come every 15 s. */
export const silence = 40_000

/** Milliseconds without data after which `check` reopens the stream: slightly more than a heartbeat's interval. */
const recent = 20_000

/**
 * Follows a list by Server-Sent Events until closed, through any number of interruptions. It reads the
 * stream by fetch, not EventSource, which hides comments and sends no headers: a heartbeat of any form counts as a sign of life.
 * @param headers additional request headers
 */
export function watchList(address: string, watcher: Watcher, headers: () => Promise<Record<string, string>> = () => Promise.resolve({})): Watch {
  let stream: AbortController | undefined
  let retry: ReturnType<typeof setTimeout> | undefined
  let watchdog: ReturnType<typeof setTimeout> | undefined
  let failures = 0
  let heard = Date.now()
  let shown: { id: string; snapshot: Titled } | undefined // what the last event of the list came to
  let told = false // of the list, since the stream was opened

  function touch(current: AbortController) {
    heard = Date.now()
    clearTimeout(watchdog)
    watchdog = setTimeout(() => restart(current), silence)
  }

  function restart(current: AbortController) {
    if (current !== stream) return
    watcher.lost()
    open()
  }

  function open() {
    stream?.abort()
    clearTimeout(retry)
    const current = new AbortController()
    const opened = Date.now()
    stream = current
    told = false
    touch(current)
    read(current).catch(() => undefined).finally(() => {
      if (current !== stream) return
      clearTimeout(watchdog)
      if (heard - opened > recent) failures = 0 // not as soon as it opens: some proxies let a stream open and then cut it
      retry = setTimeout(open, Math.min(30_000, 1000 * 2 ** failures++) * (0.5 + Math.random() / 2))
      watcher.lost()
    })
  }

  async function read(current: AbortController) {
    const seen = shown && { 'Last-Event-ID': shown.id }
    const response = await fetch(`${address}?changes=true`, { headers: { ...(await headers()), ...seen, Accept: 'text/event-stream' }, cache: 'no-store', redirect: 'manual', signal: current.signal })
    const signIn = signInTrouble(response)
    if (signIn) watcher.failed(signIn)
    if (!response.ok || !response.body || !(response.headers.get('Content-Type') ?? '').startsWith('text/event-stream')) return
    touch(current)
    watcher.opened()
    const parser = createParser({ onEvent: (event) => receive(event, current) })
    const decoder = new TextDecoder()
    const reader = response.body.getReader()
    for (;;) {
      const { done, value } = await reader.read()
      if (done || current !== stream) return
      touch(current)
      watcher.alive()
      parser.feed(decoder.decode(value, { stream: true }))
    }
  }

  function show(id: string | undefined, snapshot: Titled) {
    told = true
    shown = id ? { id, snapshot } : undefined
    watcher.received(snapshot)
  }

  function receive({ event, data, id }: EventSourceMessage, current: AbortController) {
    if (current !== stream) return // what is left of one that was given up
    try {
      if (event === 'list') {
        show(id, parse(data, decodeSnapshot))
      } else if (event === 'changes') {
        const { revision, from, title = shown?.snapshot.title, changed, removed } = parse(data, decodeChanges)
        if (shown?.id === from && title !== undefined) {
          show(id, { revision, title, todos: withChanges(shown.snapshot.todos, changed, removed) })
        } else {
          shown = undefined
          restart(current)
        }
      } else if (event === 'heartbeat') {
        const { revision, here } = parse(data, decodeHeartbeat)
        if (!told && shown) show(shown.id, shown.snapshot) // nothing has changed meanwhile
        watcher.heartbeat(revision, here)
      }
      // A newer version of the API may send other events.
    } catch (trouble) {
      shown = undefined
      watcher.failed(trouble as Trouble)
    }
  }

  open()
  return {
    close() {
      clearTimeout(retry)
      clearTimeout(watchdog)
      const last = stream
      stream = undefined
      last?.abort()
    },
    check() {
      // If the clock has jumped, the stream is reopened once too often.
      if (stream && Math.abs(Date.now() - heard) > recent) restart(stream)
    },
  }
}

/** Applies an event with changes as the API's contract defines it. */
function withChanges(todos: readonly Todo[], changed: readonly Todo[], removed: readonly string[]): Todo[] {
  const latest = new Map(changed.map((todo) => [todo.id, todo]))
  const gone = new Set(removed)
  const kept = todos.filter(({ id }) => !gone.has(id)).map((todo) => {
    const now = latest.get(todo.id)
    latest.delete(todo.id)
    return now ?? todo
  })
  return [...kept, ...latest.values()].sort((a, b) => a.order - b.order)
}
