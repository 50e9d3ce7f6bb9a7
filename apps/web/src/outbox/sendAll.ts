import type { Batches } from '@/api/batch'
import type { Trouble } from '@/api/trouble'
import { listsIn, type Database } from './database'
import { keptKey } from './keys'
import { Outbox } from './outbox'
import { Sender } from './sender'

/**
 * Sends the waiting changes on this device once, list after list, when no page is open. Throws the last Trouble
 * if changes still wait.
 */
export async function sendAll(database: Database, connect: (list: string, key?: string) => Promise<Batches>): Promise<void> {
  let trouble: Trouble | undefined
  for (const list of await listsIn(database)) {
    const outbox = new Outbox(list, Promise.resolve(database), { changed: () => undefined, stored: () => undefined, troubled: () => undefined })
    const sender = new Sender(list, outbox, async () => connect(list, await keptKey(database, list)), { sent: () => undefined, troubled: (cause) => (trouble = cause) })
    await sender.flush()
    sender.close()
    outbox.close()
  }
  if (trouble) throw trouble
}
