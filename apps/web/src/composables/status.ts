import type { Contact } from './useConnection'

/** Whether everything is saved, in a few words that always show, and in a sentence for who asks. */
export interface Status {
  readonly tone: 'saved' | 'busy' | 'away'
  readonly text: string
  readonly detail: string
}

export function status(contact: Contact, waiting: number, age: number | null = null, elsewhere = 0): Status {
  const changes = waiting === 1 ? '1 change' : `${waiting} changes`
  const keep = `${changes} not yet on the server: sent as soon as it answers, and kept until then.`
  switch (contact) {
    case 'connecting':
      return waiting === 0
        ? { tone: 'busy', text: 'connecting…', detail: 'Asking the server for the list.' }
        : { tone: 'busy', text: `${changes} waiting`, detail: keep }
    case 'connected':
      if (waiting > 0) return { tone: 'busy', text: 'saving…', detail: `${changes} on the way to the server.` }
      if (age !== null) return { tone: 'away', text: 'saved, perhaps not current', detail: `The server cannot reach its store; this is the list as of ${age} seconds ago.` }
      if (elsewhere > 0) {
        const changes = elsewhere === 1 ? '1 change' : `${elsewhere} changes`
        return { tone: 'busy', text: `saved here, ${elsewhere} waiting in other lists`, detail: `This list is on the server. ${changes} of other lists not yet: sent as soon as the server takes them.` }
      }
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
