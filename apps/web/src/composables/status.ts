import { words } from '@/words'
import type { Words } from '@/words/en'
import type { Contact } from './useConnection'

/** The state of saving: in a few words that are always shown, and in sentences. */
export interface Status {
  readonly tone: 'saved' | 'busy' | 'away'
  readonly text: string
  readonly detail: string
}

export interface Situation {
  readonly contact: Contact
  /** Whether the list may be changed. True unless set. */
  readonly editable?: boolean
  /** Number of waiting changes to this list and to other lists. */
  readonly waiting: number
  readonly elsewhere?: number
  /** The server cannot reach its store and answers from memory. */
  readonly fromMemory?: boolean
  /** Seconds since the shown list was last known to be current, or null if unknown. */
  readonly age?: number | null
}

export function status({ contact, editable = true, waiting, elsewhere = 0, fromMemory = false, age = null }: Situation): Status {
  const { status: all } = words.value
  const reads = !editable && waiting === 0
  const known = statusNow(contact, waiting, reads ? 0 : elsewhere, fromMemory, reads ? { ...all, ...all.reader } : all)
  if (age === null || (contact === 'connected' && !fromMemory)) return known
  const { text, detail } = known
  return { ...known, text: age < 60 ? text : all.asOf(text, age), detail: all.shownAsOf(detail, age) }
}

function statusNow(contact: Contact, waiting: number, elsewhere: number, fromMemory: boolean, say: Words['status']): Status {
  switch (contact) {
    case 'connecting':
      return { tone: 'busy', ...(waiting === 0 ? say.connecting : say.waiting(waiting)) }
    case 'connected':
      if (waiting > 0) return { tone: 'busy', ...say.saving(waiting) }
      if (fromMemory) return { tone: 'away', ...say.fromMemory }
      if (elsewhere > 0) return { tone: 'busy', ...say.elsewhere(elsewhere) }
      return { tone: 'saved', ...say.saved }
    case 'unreachable':
      return { tone: 'away', ...(waiting === 0 ? say.offline : { ...say.waiting(waiting), text: say.offlineWaiting(waiting) }) }
    case 'troubled':
      return { tone: 'away', ...(waiting === 0 ? say.trouble : say.waiting(waiting)) }
  }
}
