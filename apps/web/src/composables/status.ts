import type { Contact } from './useConnection'

/** Whether everything is saved, in a few words that always show, and in sentences for those who ask. */
export interface Status {
  readonly tone: 'saved' | 'busy' | 'away'
  readonly text: string
  readonly detail: string
}

export interface Situation {
  readonly contact: Contact
  /** How many changes of this list wait on this device, and how many of other lists. */
  readonly waiting: number
  readonly elsewhere?: number
  /** The server cannot reach its store and answers from memory. */
  readonly fromMemory?: boolean
  /** How many seconds ago what is shown was last known to be current; null when that is unknown. */
  readonly age?: number | null
}

export function status({ contact, waiting, elsewhere = 0, fromMemory = false, age = null }: Situation): Status {
  const words = wordsFor(contact, waiting, elsewhere, fromMemory)
  if (age === null || (contact === 'connected' && !fromMemory)) return words
  const { text, detail } = words
  return { ...words, text: age < 60 ? text : `${text}, list as of ${ago(age)}`, detail: `${detail} What is shown is the list as of ${ago(age)}.` }
}

function wordsFor(contact: Contact, waiting: number, elsewhere: number, fromMemory: boolean): Status {
  const changes = count(waiting)
  const keep = `${changes} not yet on the server: sent as soon as it answers, and kept until then.`
  switch (contact) {
    case 'connecting':
      return waiting === 0
        ? { tone: 'busy', text: 'connecting…', detail: 'Asking the server for the list.' }
        : { tone: 'busy', text: `${changes} waiting`, detail: keep }
    case 'connected':
      if (waiting > 0) return { tone: 'busy', text: 'saving…', detail: `${changes} on the way to the server.` }
      if (fromMemory) return { tone: 'away', text: 'saved, perhaps not current', detail: 'The server cannot reach its store.' }
      if (elsewhere > 0) return { tone: 'busy', text: `saved here, ${elsewhere} waiting in other lists`, detail: `This list is on the server. ${count(elsewhere)} of other lists not yet: sent as soon as the server takes them.` }
      return { tone: 'saved', text: 'saved', detail: 'Everything is on the server.' }
    case 'unreachable':
      return waiting === 0
        ? { tone: 'away', text: 'offline', detail: 'No contact with the server. What you change is kept here until there is.' }
        : { tone: 'away', text: `offline, ${changes} waiting`, detail: keep }
    case 'troubled':
      return waiting === 0
        ? { tone: 'away', text: 'server trouble', detail: 'The server answers, but cannot do its work. What you change is kept here until it can.' }
        : { tone: 'away', text: `${changes} waiting`, detail: keep }
  }
}

function count(changes: number): string {
  return changes === 1 ? '1 change' : `${changes} changes`
}

const relative = new Intl.RelativeTimeFormat('en')
const units: [Intl.RelativeTimeFormatUnit, number][] = [['day', 86_400], ['hour', 3_600], ['minute', 60], ['second', 1]]

/** A time in the past in the largest unit that fits. */
function ago(seconds: number): string {
  const [unit, length] = units.find(([, length]) => seconds >= length) ?? ['second', 1]
  return relative.format(-Math.floor(seconds / length), unit)
}
