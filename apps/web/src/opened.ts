import { words } from './words'
import { keepKey, keptKey } from './outbox/keys'
import { lastVisited } from './outbox/visits'
import { soon, type Database } from './outbox/database'
import { part } from './part'
import { fragmentOf, readFragment } from './todos/fragment'
import { isPrivate, parseKey, type ListKey } from './todos/listKey'
import { addressOf, asksForLast, defaultList, nameIn, nameProblem } from './todos/listName'

/** What the page's address opens. */
export interface Opened {
  /** The name in the address, or null without one. */
  readonly asked: string | null
  readonly list: string
  /** The key of a private list. */
  readonly key: ListKey | null
  /** Whether the list was moved here just now. */
  readonly moved: boolean
  /** Why the address opens no list: the name cannot be one, or the key is missing, malformed or of another list. */
  readonly problem: Problem | null
}

export interface Problem {
  readonly about: 'name' | 'key'
  readonly sentence: string
}

/**
 * Finds out what the address opens, and writes the address as it should be: with the key, which is also kept on this device.
 * The key in the address counts, so that a link to look at a list shows what others see; without one, the kept key does.
 * Throws PartMissing when the part that reads keys cannot be loaded.
 */
export async function open(database: Promise<Database>): Promise<Opened> {
  let asked = nameIn(location.search)
  // An installed app is opened without the name of a list. Without storage it opens the list of an address that names none.
  if (asksForLast(location.search)) {
    asked = await soon(database).then(lastVisited).catch(() => null)
    history.replaceState(null, '', (asked === null ? './' : addressOf(asked)) + location.hash)
  }
  const { hash } = location
  const { filter, key: text } = readFragment(hash)
  let key = await part(parseKey(text ?? ''))
  asked ??= key?.list ?? null
  const list = asked ?? defaultList
  const opened = (problem: Problem | null) => ({ asked, list, key: problem ? null : key, moved: /&moved$/.test(hash), problem })

  const wrong = nameProblem(list)
  if (wrong !== null) return opened({ about: 'name', sentence: wrong })
  if (text !== null && !key) return opened({ about: 'key', sentence: words.value.key.incomplete })
  if (key && key.list !== list) return opened({ about: 'key', sentence: words.value.key.ofAnother })
  if (!isPrivate(list)) return opened(null)

  const given = key
  if (given) database.then((db) => keepKey(db, given)).catch(() => undefined) // it stays in the address
  else key = await part(parseKey((await soon(database).then((db) => keptKey(db, list)).catch(() => undefined)) ?? ''))
  if (!key) {
    // A browser may open the storage later. `followKey` then opens the list.
    database
      .then((db) => keptKey(db, list))
      .then((late) => late && location.replace(addressOf(list) + fragmentOf({ filter, key: late })))
      .catch(() => undefined)
    return opened({ about: 'key', sentence: words.value.key.missing })
  }
  history.replaceState(null, '', addressOf(list) + fragmentOf({ filter, key: key.text }))
  return opened(null)
}

/** Opens the page anew when the fragment names another key, which browsers do not do, and keeps the key when one names none. */
export function followKey({ key }: Opened): void {
  window.addEventListener('hashchange', () => {
    const fragment = readFragment(location.hash)
    if (fragment.key === null && key) history.replaceState(null, '', fragmentOf({ ...fragment, key: key.text }))
    else if (fragment.key !== (key?.text ?? null)) location.reload()
  })
}
