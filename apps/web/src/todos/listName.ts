import { randomId } from './randomId'
import { codePoints } from './todo'

/** The list of a page whose address names none. */
export const defaultList = 'default'

export const maxName = 128

/** What is wrong with the name of a list, in a sentence, or null. The rule is the API's `ListName`. */
export function nameProblem(name: string): string | null {
  if (name === '') return 'The name of a list cannot be empty.'
  if (codePoints(name) > maxName) return `The name of a list can have at most ${maxName} characters; this one has ${codePoints(name)}.`
  // eslint-disable-next-line no-control-regex -- control characters are what it looks for
  if (/[\u0000-\u001f\u007f-\u009f]/.test(name)) return 'The name of a list cannot contain line breaks or other control characters.'
  if (/[/\\]/.test(name)) return 'The name of a list cannot contain / or \\.'
  if (name === '.' || name === '..') return 'The name of a list cannot be . or ..'
  if (/\p{Surrogate}/u.test(name)) return 'The name of a list contains half of a character.'
  return null
}

/** The name that an address asks for, or null when it asks for none. */
export function nameIn(search: string): string | null {
  return new URLSearchParams(search).get('list')
}

/** The part of the address that opens a list. */
export function addressOf(name: string): string {
  return `?${new URLSearchParams({ list: name }).toString()}`
}

/** A name that nobody guesses: 128 random bits. */
export function privateName(): string {
  return randomId()
}
