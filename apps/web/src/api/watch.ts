import { decodeSnapshot } from './decode'
import { parse } from './request'
import { Trouble } from './trouble'
import type { Snapshot } from '@/todos/todo'

export interface Watcher {
  /** The stream is open; the list as it is follows, unless it is the one that was received last. */
  opened(): void
  received(snapshot: Snapshot): void
  /** The stream broke. It is opened again by itself. */
  lost(): void
  /** An event was not one of this API. */
  failed(trouble: Trouble): void
}

export interface Watch {
  close(): void
}

/** Follows a list by Server-Sent Events until closed, through any number of interruptions. */
export function watchList(address: string, watcher: Watcher): Watch {
  let source: EventSource
  let timer: ReturnType<typeof setTimeout> | undefined
  let failures = 0

  function open() {
    source = new EventSource(address)
    source.addEventListener('open', () => {
      failures = 0
      watcher.opened()
    })
    source.addEventListener('list', (event: MessageEvent<string>) => {
      let snapshot: Snapshot
      try {
        snapshot = parse(event.data, decodeSnapshot)
      } catch (trouble) {
        watcher.failed(trouble as Trouble)
        return
      }
      watcher.received(snapshot)
    })
    source.addEventListener('error', () => {
      watcher.lost()
      // After a broken connection an EventSource comes back by itself and names the last event it saw. After an answer that
      // is not a stream (a 503 while the server restarts) it gives up for good.
      if (source.readyState === EventSource.CLOSED) timer = setTimeout(open, Math.min(30_000, 1000 * 2 ** failures++) * (0.5 + Math.random() / 2))
    })
  }

  open()
  return {
    close() {
      clearTimeout(timer)
      source.close()
    },
  }
}
