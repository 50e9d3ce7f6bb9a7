import { maxBatch, type Batches } from '@/api/batch'
import { undecided } from '@/api/decode'
import { Trouble } from '@/api/trouble'
import type { Outbox } from './outbox'
import { tabLocks } from './tabs'

export interface SenderEvents {
  /** A request succeeded. */
  sent(): void
  /** A request failed. It is sent again automatically. */
  troubled(trouble: Trouble): void
}

/** Statuses by which a server refuses the content of a request, not its sender or address. */
const aboutContent = new Set([400, 409, 412, 413, 422])

/**
 * Sends the waiting operations of an outbox in order, one request at a time and one tab at a time, until each has
 * an outcome.
 */
export class Sender {
  #running = false
  #again = false
  #failures = 0
  #closed = false
  #timer: ReturnType<typeof setTimeout> | undefined
  readonly #list: string
  readonly #outbox: Outbox
  readonly #client: () => Promise<Batches>
  readonly #events: SenderEvents

  constructor(list: string, outbox: Outbox, client: () => Promise<Batches>, events: SenderEvents) {
    this.#list = list
    this.#outbox = outbox
    this.#client = client
    this.#events = events
  }

  /** Sends the waiting operations now, without the pause after a failure. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer)
    if (this.#running) {
      this.#again = true
      return
    }
    this.#running = true
    try {
      do {
        this.#again = false
        await exclusively(`todo-outbox/${this.#list}`, () => this.#drain())
        // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- set by a call that came while this one waited
      } while (this.#again)
      this.#failures = 0
    } catch (cause) {
      const trouble = cause instanceof Trouble ? cause : new Trouble('unreadable', 'sending', { cause })
      const pause = Math.max(trouble.retryAfter ?? 0, Math.min(30_000, 1000 * 2 ** this.#failures++) * (0.5 + Math.random() / 2))
      if (!this.#closed) this.#timer = setTimeout(() => void this.flush(), pause)
      this.#events.troubled(trouble)
    } finally {
      this.#running = false
    }
  }

  /** Cancels the next attempt, until `flush` is called. */
  rest(): void {
    clearTimeout(this.#timer)
  }

  close(): void {
    this.#closed = true
    this.rest()
  }

  async #drain() {
    // While this tab waited for the lock, another one may have sent the same operations.
    await this.#outbox.refresh()
    let most = maxBatch.operations
    let passes = 0
    const failedAt = new Map<string, number>() // number of successful requests before the first refused one with the operation
    const aside = new Map<string, Trouble>()
    const alone = (id: string) => passes > (failedAt.get(id) ?? 0)
    while (!this.#closed) {
      const batch = this.#outbox.batch(most, aside)
      if (batch.length === 0) break
      try {
        const results = await (await this.#client()).send(batch)
        await this.#outbox.settle(results)
        this.#events.sent()
        most = Math.min(most * 2, maxBatch.operations)
        const open = results.find(undecided)
        if (open) throw new Trouble('busy', open.problem?.detail ?? '', { status: open.status })
        passes++
      } catch (cause) {
        if (!(cause instanceof Trouble) || !this.#perhapsOneOnly(cause)) throw cause
        // The whole request was refused: halve it until it has only the operation that the server refuses.
        const [operation, ...others] = batch
        for (const { id } of batch) if (!failedAt.has(id)) failedAt.set(id, passes)
        if (others.length > 0) {
          most = Math.ceil(batch.length / 2)
        } else if (operation && aboutContent.has(cause.status ?? 0)) {
          await this.#outbox.refuse(operation, cause)
        } else if (operation) {
          // The server, or a proxy in front of it, may refuse everything: try whether another operation succeeds.
          aside.set(operation.id, cause)
          if (aside.size >= attempts && ![...aside.keys()].some(alone)) throw cause
        }
      }
    }
    let unsettled: Trouble | undefined
    for (const [id, cause] of aside) {
      const operation = this.#outbox.entries.find((entry) => entry.operation.id === id)?.operation
      if (operation && alone(id) && cause.kind !== 'busy') await this.#outbox.refuse(operation, cause)
      else unsettled ??= cause
    }
    if (unsettled) throw unsettled
  }

  /** Reports whether a request may have failed because of one operation, so that the others should be sent without it. */
  #perhapsOneOnly({ kind, status = 0 }: Trouble): boolean {
    if (kind === 'refused' || kind === 'unreadable') return true
    if (kind === 'signin') return status === 200 // some firewalls refuse by a page
    return kind === 'busy' && status !== 429 && this.#failures >= 3 // a request on which the server fails each time
  }
}

/** Number of operations that are sent one by one before the server counts as refusing all. */
const attempts = 4

/** Longer than any request: a tab that holds the lock for this long has probably been frozen by the browser. */
const patience = 30_000

/** Runs one such task at a time across all tabs, or two if one takes too long; that both send is harmless. */
async function exclusively(name: string, task: () => Promise<void>): Promise<void> {
  const locks = tabLocks()
  if (!locks) return task()
  let running: Promise<void> | undefined
  const run = () => (running = task())
  const waiting = new AbortController()
  const timer = setTimeout(() => waiting.abort(), patience)
  try {
    await locks.request(name, { signal: waiting.signal }, run)
  } catch (cause) {
    if (running) await running // stolen meanwhile, or its own failure
    else if (waiting.signal.aborted) await locks.request(name, { steal: true }, run).catch((stolen: unknown) => running ?? Promise.reject(stolen as Error))
    else throw cause
  } finally {
    clearTimeout(timer)
  }
}
