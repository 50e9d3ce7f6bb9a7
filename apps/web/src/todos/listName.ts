import { isPrivate } from './listKey'
import { codePoints } from './todo'
import { words } from '@/words'

/** The list that opens if the address names none. */
export const defaultList = 'default'

export const maxName = 128

/** Returns a sentence that says why a list's name is invalid by the API's `ListName`, or null. */
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

/** Returns the list's heading: its title, or else its name, unless it is private. */
export function calledName(list: string, title: string): string {
  return title || (isPrivate(list) ? words.value.list.private : list)
}

/** Returns the list's name in an address, or null. */
export function nameIn(search: string): string | null {
  return new URLSearchParams(search).get('list')
}

/** Reports whether an address, such as the manifest's `start_url`, requests the list that was shown last on this device. */
export function asksForLast(search: string): boolean {
  return new URLSearchParams(search).get('open') === 'last'
}

/** Returns the query and fragment that open a list, with the key if it is private. */
export function addressOf(name: string, key?: string): string {
  return `?${new URLSearchParams({ list: name }).toString()}${key === undefined ? '' : `#key=${key}`}`
}
