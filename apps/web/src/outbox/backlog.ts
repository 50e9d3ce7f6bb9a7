import type { ListClient } from '@/api/client'
import { sendInBackground } from './backgroundSync'
import { listsIn, usable, type Database } from './database'
import { keptKey } from './keys'
import { channelName, Outbox } from './outbox'
import { Sender } from './sender'
import { tabChannel, tabLocks } from './tabs'

/** How many changes to a list wait for the server, and how many it refused. */
export interface Backlogged {
  readonly waiting: number
  readonly refused: number
}

/**
 * What waits on this device for lists that this tab does not show, and the sending of it, by one tab of
 * the browser at a time: the one that was looked at last. The list that a tab shows is sent by that tab
 * itself, so that a tab that the browser has suspended never holds up what a person sees.
 */
export class Backlog {
  readonly #lists = new Map<string, { outbox: Outbox; sender: Sender }>()
  readonly #channel: BroadcastChannel | null
  readonly #shown: string | null
  readonly #database: Promise<Database>
  readonly #connect: (list: string, key?: string) => Promise<ListClient>
  readonly #changed: (lists: ReadonlyMap<string, Backlogged>) => void
  #told: ReadonlyMap<string, Backlogged> = new Map()
  #sends = false
  #turn = 0 // counts the requests for the lock: only the last one counts
  #flushing = false
  #release: (() => void) | undefined
  #closed = false

  /**
   * @param shown the list that this tab shows and sends itself
   * @param changed is called with the other lists of which changes wait or were refused
   */
  constructor(shown: string | null, database: Promise<Database>, connect: (list: string, key?: string) => Promise<ListClient>, changed: (lists: ReadonlyMap<string, Backlogged>) => void) {
    this.#shown = shown
    this.#database = database
    this.#connect = connect
    this.#changed = changed
    this.#channel = tabChannel(channelName)
    this.#channel?.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
      if (typeof data === 'string' && data !== shown && !this.#lists.has(data)) void this.#look()
    })
    void this.#look()
  }

  /** Becomes the tab that sends, in place of another, and sends now. */
  take(): void {
    if (this.#closed) return
    if (this.#sends) void this.#flush()
    else this.#queue(true)
  }

  /** Lets another tab send. */
  leave(): void {
    this.#rest()
    this.#release?.()
  }

  close(): void {
    this.#closed = true
    this.leave()
    this.#channel?.close()
    for (const { outbox, sender } of this.#lists.values()) {
      sender.close()
      outbox.close()
    }
  }

  #queue(steal: boolean) {
    const locks = tabLocks()
    if (!locks) {
      this.#start()
      return
    }
    const turn = ++this.#turn
    locks
      .request('todo-backlog', { steal }, () => {
        if (this.#closed || turn !== this.#turn) return
        this.#start()
        return new Promise<void>((resolve) => (this.#release = resolve))
      })
      .catch(() => {
        // Another tab took it. This one sends again when that tab has left.
        if (this.#closed || turn !== this.#turn) return
        this.#rest()
        this.#queue(false)
      })
  }

  #rest() {
    this.#sends = false
    for (const { sender } of this.#lists.values()) sender.rest()
  }

  #start() {
    this.#sends = true
    void this.#look().then(() => this.#flush())
  }

  /** Finds the lists that have something in the outbox. */
  async #look() {
    const names = await usable(this.#database).then(listsIn).catch(() => []) // the shown list's outbox says why
    await Promise.all(names.map(async (name) => {
      if (name === this.#shown || this.#lists.has(name) || this.#closed) return
      const outbox = new Outbox(name, this.#database, {
        changed: () => this.#tell(),
        stored: () => undefined,
        troubled: () => undefined,
      })
      const sender = new Sender(name, outbox, async () => this.#connect(name, await keptKey(await usable(this.#database), name)), { sent: () => undefined, troubled: () => void sendInBackground() })
      this.#lists.set(name, { outbox, sender })
      await outbox.refresh()
    }))
  }

  #tell() {
    const lists = new Map<string, Backlogged>()
    let more = false
    for (const [name, { outbox }] of this.#lists) {
      const waiting = outbox.entries.filter(({ state }) => state === 'waiting').length
      const refused = outbox.entries.filter(({ state }) => state === 'refused').length
      if (waiting + refused > 0) lists.set(name, { waiting, refused })
      more ||= waiting > (this.#told.get(name)?.waiting ?? 0)
    }
    this.#told = lists
    this.#changed(lists)
    if (more) void this.#flush()
  }

  /** Sends list after list, so that many of them do not take the connections that the shown list needs. */
  async #flush() {
    if (this.#flushing) return
    this.#flushing = true
    for (const { outbox, sender } of this.#lists.values()) {
      if (this.#sends && outbox.entries.some(({ state }) => state === 'waiting')) await sender.flush()
    }
    this.#flushing = false
  }
}
