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
>

/** The list as the server had it at a revision. */
export interface Snapshot {
  readonly revision: number
  readonly todos: readonly Todo[]
}

/** Limits of the API that the page checks before it sends. `todo.test.ts` compares them with the contract. */
export const maxTitle = 2000
export const maxTodos = 5000

/**
 * A title as it will be stored: without white space at both ends, and without halves of surrogate
 * pairs, which the API refuses and which a cut-off paste can leave.
 */
export function cleanTitle(text: string): string {
  return text.trim().replace(/\p{Surrogate}/gu, '\uFFFD')
}

/** The length of a text as the API counts it: an emoji is one or a few code points, never half of one. */
export function codePoints(text: string): number {
  return Array.from(text).length
}

/** What is wrong with a title that is too long, in a sentence, or null. */
export function titleProblem(title: string): string | null {
  const length = codePoints(title)
  if (length <= maxTitle) return null
  return `A title can have at most ${maxTitle.toLocaleString('en')} characters; this one has ${length.toLocaleString('en')}. Nothing is lost: shorten it and press Enter.`
}

/** The titles in a text of several lines: those that are not blank, cleaned. */
export function titlesInLines(text: string): string[] {
  return text.split(/\r\n|[\n\r\u2028\u2029]/).map(cleanTitle).filter((title) => title !== '')
}

/** A title short enough to be quoted in a sentence. */
export function quote(title: string): string {
  const points = Array.from(title)
  return `“${points.length > 40 ? points.slice(0, 39).join('') + '…' : title}”`
}
