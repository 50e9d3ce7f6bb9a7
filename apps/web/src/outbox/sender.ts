import type { ListClient } from '@/api/client'
import { maxBatch } from '@/api/client'
import { Trouble } from '@/api/trouble'
import { undecided, type Outbox } from './outbox'

export interface SenderEvents {
  /** Operations were answered. */
  sent(): void
  /** They were not. They are sent again by themselves. */
  troubled(trouble: Trouble): void
}

/** Statuses by which a server refuses what an operation says, as opposed to who says it or where. */
const aboutContent = new Set([400, 409, 412, 413, 422])

/**
 * Sends what waits in an outbox: in order, one request after the other, one tab at a time, again and
 * again until it is answered.
 */
export class Sender {
  #running = false
  #again = false
  #failures = 0
  #closed = false
  #timer: ReturnType<typeof setTimeout> | undefined
  readonly #list: string
  readonly #outbox: Outbox
  readonly #client: () => Promise<ListClient>
  readonly #events: SenderEvents

  constructor(list: string, outbox: Outbox, client: () => Promise<ListClient>, events: SenderEvents) {
    this.#list = list
    this.#outbox = outbox
    this.#client = client
    this.#events = events
  }

  /** Sends now what waits, rather than at the end of a pause after a failure. */
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
      const trouble = cause instanceof Trouble ? cause : new Trouble('unreadable', 'The page failed to send.', { cause })
      const pause = Math.max(trouble.retryAfter ?? 0, Math.min(30_000, 1000 * 2 ** this.#failures++) * (0.5 + Math.random() / 2))
      if (!this.#closed) this.#timer = setTimeout(() => void this.flush(), pause)
      this.#events.troubled(trouble)
    } finally {
      this.#running = false
    }
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
  }

  async #drain() {
    // Another tab may have sent, while this one waited for its turn, what this one has in mind.
    await this.#outbox.refresh()
    let most = maxBatch.operations
    while (!this.#closed) {
      const batch = this.#outbox.batch(most)
      if (batch.length === 0) return
      try {
        const results = await (await this.#client()).send(batch)
        await this.#outbox.settle(results)
        this.#events.sent()
        most = Math.min(most * 2, maxBatch.operations)
        const open = results.find(undecided)
        if (open) throw new Trouble('busy', open.problem?.detail ?? 'The server could not decide.', { status: open.status })
      } catch (cause) {
        if (!(cause instanceof Trouble) || cause.kind !== 'refused' || !aboutContent.has(cause.status ?? 0)) throw cause
        // The request was refused as a whole: halve it until the operation is alone to which the server objects.
        const [operation, ...others] = batch
        if (others.length > 0) {
          most = Math.ceil(batch.length / 2)
        } else if (operation) {
          const status = cause.status ?? 400
          await this.#outbox.settle([{ id: operation.id, status, revision: 0, problem: { status, title: cause.message, detail: cause.message } }])
        }
      }
    }
  }
}

/**
 * Runs one such task at a time among all tabs. Web Locks are missing where the page is served without
 * TLS from another machine; two tabs may then send the same operations, which their ids make harmless.
 */
async function exclusively(name: string, task: () => Promise<void>): Promise<void> {
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- missing in insecure contexts, which the types do not say
  if (globalThis.navigator?.locks) await navigator.locks.request(name, task)
  else await task()
}
