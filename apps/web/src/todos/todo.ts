import { words } from '@/words'
import type { components } from '@/api/schema'

type Schemas = components['schemas']

/** An item as this page needs it: the API's, without its address. */
export type Todo = Readonly<Omit<Schemas['Todo'], 'url'>>

export type Change = Readonly<Schemas['TodoChange']>

/**
 * What the page asks of the server: the API's operations that a person can cause here. Each carries the id under which it may
 * be repeated, and what the person saw: the title that a rename replaces, the items that a change of all concerns.
 */
export type Operation = Readonly<
  | Schemas['CreateOperation']
  | Schemas['UpdateOperation']
  | Schemas['DeleteOperation']
  | Schemas['CompleteAllOperation']
  | Schemas['ClearCompletedOperation']
  | Schemas['SetTitleOperation']
>

/** The list as the server had it at a revision. */
export interface Snapshot {
  readonly revision: number
  readonly todos: readonly Todo[]
  /** What the list is called, or empty. Missing in what earlier versions of the page kept on a device. */
  readonly title?: string
}

/** Limits of the API that the page checks before it sends. `todo.test.ts` compares them with the contract. */
export const maxTitle = 2000
export const maxTodos = 5000
export const maxListTitle = 200

/**
 * A title as the page stores it: without white space at both ends, in one line, and without halves of surrogate
 * pairs, which the API refuses and which a cut-off paste can leave.
 */
export function cleanTitle(text: string): string {
  return text.trim().replace(/\p{Surrogate}/gu, '\uFFFD').replace(/[\n\r\u2028\u2029]+/g, ' ')
}

/** The length of a text as the API counts it: an emoji is one or a few code points, never half of one. */
export function codePoints(text: string): number {
  return Array.from(text).length
}

/** What is wrong with a title that is too long, in a sentence, or null. The title of a list has a limit of its own. */
export function titleProblem(title: string, most = maxTitle): string | null {
  const length = codePoints(title)
  return length <= most ? null : words.value.entry.tooLong(most, length)
}

/** An item that is not in the list yet. */
export interface Draft {
  readonly title: string
  readonly completed: boolean
}

/**
 * The beginning of a text, of at most so many UTF-16 code units. It never ends within what a person sees as one character,
 * such as a family or a letter with its accents; in Firefox before 125, which cannot tell, never within a code point.
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

/** A title short enough to be quoted in a sentence, without the characters that would turn the rest of the sentence around. */
export function quote(title: string): string {
  const text = title.replace(/\p{Bidi_Control}/gu, '')
  const start = beginning(text, 40)
  return `“${start === text ? text : `${start}…`}”`
}
