import type { Batches } from '@/api/batch'
import type { Trouble } from '@/api/trouble'
import { listsIn, type Database } from './database'
import { keptKey } from './keys'
import { Outbox } from './outbox'
import { Sender } from './sender'

/**
 * Sends once what waits on this device, list after list, when no page is open to send it. Throws the last Trouble
 * when something waits still; what was sent stays sent.
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
