import { isPrivate } from './listKey'
import { codePoints } from './todo'
import { words } from '@/words'

/** The list that opens when the address names no list. */
export const defaultList = 'default'

export const maxName = 128

/** What is wrong with the name of a list, in a sentence, or null. The rule is the API's `ListName`. */
export function nameProblem(name: string): string | null {
  const { name: say } = words.value
  if (name === '') return say.empty
  if (codePoints(name) > maxName) return say.tooLong(maxName, codePoints(name))
  // eslint-disable-next-line no-control-regex -- control characters are what it looks for
  if (/[\u0000-\u001f\u007f-\u009f]/.test(name)) return say.control
  if (/[/\\]/.test(name)) return say.slash
  if (name === '.' || name === '..') return say.dots
  if (/\p{Surrogate}/u.test(name)) return say.surrogate
  return null
}

/** What a list is called on the page: by its title, else by its name, which of a private list says nothing. */
export function calledName(list: string, title: string): string {
  return title || (isPrivate(list) ? words.value.list.private : list)
}

/** The name that an address asks for, or null when it asks for none. */
export function nameIn(search: string): string | null {
  return new URLSearchParams(search).get('list')
}

/** Whether an address asks for the list that was shown last on this device: the manifest's `start_url` does. */
export function asksForLast(search: string): boolean {
  return new URLSearchParams(search).get('open') === 'last'
}

/** The part of the address that opens a list, by a key when it is private. */
export function addressOf(name: string, key?: string): string {
  return `?${new URLSearchParams({ list: name }).toString()}${key === undefined ? '' : `#key=${key}`}`
}
