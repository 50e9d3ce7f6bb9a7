import type { ListClient } from '@/api/client'
import { sendInBackground } from './backgroundSync'
import { listsIn, usable, type Database } from './database'
import { keptKey } from './keys'
import { channelName, Outbox } from './outbox'
import { Sender } from './sender'
import { tabChannel, tabLocks } from './tabs'

/** Number of changes to a list that wait for the server, and that it refused. */
export interface Backlogged {
  readonly waiting: number
  readonly refused: number
}

/**
 * Finds and sends the waiting changes of lists that this tab does not show. One tab of the browser sends at a
 * time: the one that was shown last. Each tab sends the changes of the list that it shows, so that a tab that
 * the browser has suspended never delays them.
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
   * @param shown the list that this tab shows
   * @param changed called with the other lists that have waiting or refused changes
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

  /** Makes this the tab that sends, and sends now. */
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
        // Another tab has taken the lock. This one sends again when that tab releases it.
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

  /** Returns the lists with entries in the outbox. */
  async #look() {
    const names = await usable(this.#database).then(listsIn).catch(() => []) // the shown list's outbox reports the reason
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

  /** Sends one list after the other, to leave connections for the shown list. */
  async #flush() {
    if (this.#flushing) return
    this.#flushing = true
    for (const { outbox, sender } of this.#lists.values()) {
      if (this.#sends && outbox.entries.some(({ state }) => state === 'waiting')) await sender.flush()
    }
    this.#flushing = false
  }
}
