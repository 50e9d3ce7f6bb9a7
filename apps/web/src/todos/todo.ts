import { words } from '@/words'
import type { components } from '@/api/schema'

type Schemas = components['schemas']

/** An item: the API's, without its address. */
export type Todo = Readonly<Omit<Schemas['Todo'], 'url'>>

export type Change = Readonly<Schemas['TodoChange']>

/**
 * The API's operations that the page sends. Each has the id under which it may be repeated, and what the person
 * saw: the title that a rename replaces, the items that a change of all items includes.
 */
export type Operation = Readonly<
  | Schemas['CreateOperation']
  | Schemas['UpdateOperation']
  | Schemas['DeleteOperation']
  | Schemas['CompleteAllOperation']
  | Schemas['ClearCompletedOperation']
  | Schemas['SetTitleOperation']
>

/** The server's list at a revision. */
export interface Snapshot {
  readonly revision: number
  readonly todos: readonly Todo[]
  /** The list's title, or empty. Missing in snapshots that earlier versions of the page stored. */
  readonly title?: string
}

/** Limits of the API, which the page checks before it sends. `todo.test.ts` compares them with the contract. */
export const maxTitle = 2000
export const maxTodos = 5000
export const maxListTitle = 200

/**
 * Returns a title as the page sends it: without white space at both ends, in one line, and without halves of surrogate
 * pairs, which the API refuses and a cut-off paste can contain.
 */
export function cleanTitle(text: string): string {
  return text.trim().replace(/\p{Surrogate}/gu, '\uFFFD').replace(/[\n\r\u2028\u2029]+/g, ' ')
}

/** Returns the length of a text in code points, as the API counts it. */
export function codePoints(text: string): number {
  return Array.from(text).length
}

/** Returns a sentence if a title is too long, or null. Titles of lists and of items have different limits. */
export function titleProblem(title: string, most = maxTitle): string | null {
  const length = codePoints(title)
  return length <= most ? null : words.value.entry.tooLong(most, length)
}

/** Returns an item that is not in the list yet. */
export interface Draft {
  readonly title: string
  readonly completed: boolean
}

/**
 * Returns the beginning of a text, of at most so many UTF-16 code units. It never ends within a character as people see it,
 * such as a family emoji or a letter with its accents; in Firefox before 125, which lacks Intl.Segmenter, never within a code point.
 */
export function beginning(text: string, most: number): string {
  if (text.length <= most) return text
  const { Segmenter } = Intl as Partial<typeof Intl>
  const characters = Segmenter ? Array.from(new Segmenter().segment(text.slice(0, most + 100)), ({ segment }) => segment) : Array.from(text)
  let end = 0
  for (const { length } of characters) {
    if (end + length > most) break
    end += length
  }
  return text.slice(0, end)
}

/** Returns a title shortened for a sentence, without characters that would change the direction of the rest of the sentence. */
export function quote(title: string): string {
  const text = title.replace(/\p{Bidi_Control}/gu, '')
  const start = beginning(text, 40)
  return `“${start === text ? text : `${start}…`}”`
}
