import { silence, type Watch, type Watcher } from './watch'
import { tabChannel, tabLocks } from '@/outbox/tabs'
import { randomId } from '@/todos/randomId'

/**
 * Maximum open streams of a browser. Over HTTP/1.1 a browser opens six connections to an origin for all
 * its windows together (RFC 9112, section 9.4, leaves the number to it), and requests need some of them.
 */
export const seats = ['todo-seat/1', 'todo-seat/2', 'todo-seat/3']

/** A message between windows: a call of the Watcher's method `what`, or a new window's question about the present state. */
interface Word {
  readonly what: keyof Watcher | 'hello'
  readonly about: readonly unknown[]
  readonly from: string
  /** The window that it is for, if it is not for all. */
  readonly to?: string | undefined
}

/**
 * Watches a list by one stream for all windows of the browser. One window, which holds a Web Lock, opens it and
 * forwards what it receives by a BroadcastChannel. When that window is closed or falls silent, another one replaces it.
 * If more lists are watched than streams are allowed, the most recently shown are streamed; the watchers of the others get no call, not
 * even `opened`. Without Web Locks each window opens its own stream.
 * @param name identifies the list within the origin
 * @param open opens a stream
 */
export function shareWatch(name: string, open: (watcher: Watcher) => Watch, watcher: Watcher): Watch {
  const locks = tabLocks()
  const channel = tabChannel(`todo-stream/1/${name}`) // 1: the version of Word
  if (locks && channel) return shared(locks, channel, open, name, watcher)
  channel?.close()
  return open(watcher)
}

function shared(locks: LockManager, channel: BroadcastChannel, open: (watcher: Watcher) => Watch, name: string, watcher: Watcher): Watch {
  const self = randomId()
  let leave: () => void
  let stand: (() => void) | undefined // leaves the seat, or the queue for one
  let stream: Watch | null = null
  let live = false // the stream is open, here or in another window
  let last: readonly unknown[] | undefined // what `received` was called with
  let heard = 0
  let watchdog: ReturnType<typeof setTimeout> | undefined

  const relay = new Proxy(watcher, {
    get: (_, what: keyof Watcher) => (...about: unknown[]) => {
      if (what === 'received') last = about
      deliver(what, about)
      // An error would lose its kind on the way; the other windows read the list themselves after `lost`.
      if (what !== 'failed') tell(what, about)
    },
  })

  function tell(what: Word['what'], about: readonly unknown[] = [], to?: string) {
    channel.postMessage({ what, about, from: self, to } satisfies Word)
  }

  function deliver(what: keyof Watcher, about: readonly unknown[]) {
    heard = Date.now()
    if (what === 'opened') live = true
    else if (what === 'lost') live = false
    clearTimeout(watchdog)
    if (live && !stream) watchdog = setTimeout(takeOver, silence) // a stream of this window watches itself
    ;(watcher[what] as (...about: unknown[]) => void)(...about)
  }

  channel.addEventListener('message', ({ data }: MessageEvent<Word>) => {
    const { what, about, from, to } = data
    if (what === 'hello') {
      if (!stream || !live) return
      tell('opened', [], from)
      if (last) tell('received', last, from)
    } else if (!stream && what in watcher && (to === undefined || to === self)) {
      // The last message of one window can arrive after the first one of its successor.
      if (!live && what !== 'opened' && what !== 'lost') deliver('opened', [])
      deliver(what, about)
    }
  })

  function lead(steal: boolean) {
    leave = hold(locks, [name], steal, sit, () => {
      rest()
      lead(false)
      tell('hello')
    })
  }

  function sit() {
    stand = hold(locks, seats, false, start, stolen)
    if (!document.hasFocus()) return
    void locks.query().then(({ held = [] }) => {
      if (stand && !stream && seats.every((seat) => held.some((lock) => lock.name === seat))) stealSeat()
    })
  }

  function stealSeat() {
    stand?.()
    stand = hold(locks, [seats[Math.floor(Math.random() * seats.length)] as string], true, start, stolen)
  }

  function start() {
    clearTimeout(watchdog)
    last = undefined
    stream = open(relay)
  }

  function stolen() {
    rest()
    stand = hold(locks, seats, false, start, stolen)
  }

  /** Closes the stream of this window, if it has one, and releases its lock. */
  function rest() {
    stand?.()
    stand = undefined
    clearTimeout(watchdog)
    const had = stream
    stream = null
    had?.close()
    if (had && live) relay.lost()
  }

  function takeOver() {
    if (live) deliver('lost', [])
    leave()
    rest()
    lead(true)
  }

  function onFocus() {
    if (live) return
    if (!stand) takeOver()
    else if (!stream) stealSeat()
  }

  window.addEventListener('focus', onFocus)
  lead(false)
  tell('hello')
  return {
    close() {
      window.removeEventListener('focus', onFocus)
      leave()
      stand?.()
      clearTimeout(watchdog)
      stream?.close()
      if (stream && live) tell('lost')
      stream = null
      channel.close()
    },
    check() {
      if (stream) stream.check()
      else if (live && Math.abs(Date.now() - heard) > silence / 2) takeOver()
      else if (document.hasFocus()) onFocus()
    },
  }
}

/**
 * Waits for one of several locks and holds it.
 * @param steal takes the lock from its holder; requires a single lock
 * @param granted is called when it is held
 * @param lost is called when another window has stolen it
 * @returns a function that releases the lock, or stops waiting
 */
function hold(locks: LockManager, names: readonly string[], steal: boolean, granted: () => void, lost: () => void): () => void {
  const waiting = new AbortController()
  let mine: string | undefined
  let release: (() => void) | undefined
  let over = false
  for (const name of names) {
    locks
      .request(name, steal ? { steal } : { signal: waiting.signal }, () => {
        if (over || mine !== undefined) return
        mine = name
        const held = new Promise<void>((resolve) => (release = resolve))
        waiting.abort() // stops waiting for the others; a held lock stays held
        granted()
        return held
      })
      .catch(() => {
        if (over || mine !== name) return
        over = true
        lost()
      })
  }
  return () => {
    over = true
    waiting.abort()
    release?.()
  }
}
