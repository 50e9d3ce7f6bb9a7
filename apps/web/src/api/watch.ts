import { createParser, type EventSourceMessage } from 'eventsource-parser'
import { decodeChanges, decodeHeartbeat, decodeSnapshot } from './decode'
import { parse, signInTrouble } from './request'
import { Trouble } from './trouble'
import type { Snapshot, Todo } from '@/todos/todo'

export interface Watcher {
  /** The stream is open; the list as it is follows. */
  opened(): void
  received(snapshot: Snapshot): void
  /** Something arrived, if only a comment: the stream is alive. */
  alive(): void
  /** The list is still at a revision; so many streams of it are open on that server, when it says so. */
  heartbeat(revision: number, here: number | null): void
  /** The stream broke or fell silent. It is opened again automatically. */
  lost(): void
  /** An event was not one of this API. */
  failed(trouble: Trouble): void
}

export interface Watch {
  close(): void
  /** Opens the stream again unless something arrived lately: after sleep, or when the network came back. */
  check(): void
}

type Titled = ReturnType<typeof decodeSnapshot>

/** Heartbeats come every 15 s. A stream on which nothing arrived for this long is taken for dead. */
export const silence = 40_000

/** What `check` accepts as a sign of life: one heartbeat and a little. */
const recent = 20_000

/**
 * Follows a list by Server-Sent Events until closed, through any number of interruptions. It reads the
 * stream by fetch, not EventSource, which hides comments and sends no headers: a heartbeat of any form counts as a sign of life.
 * @param headers of the request, besides Accept
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
    stream = current
    told = false
    touch(current)
    read(current).catch(() => undefined).finally(() => {
      if (current !== stream) return
      clearTimeout(watchdog)
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
    failures = 0
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
      // Others are of a newer version.
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
      // The clock may have jumped either way; then it is asked once too often.
      if (stream && Math.abs(Date.now() - heard) > recent) restart(stream)
    },
  }
}

/** Applies an event of changes as the API's contract says. */
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
