import { words } from './words'
import { keepKey, keptKey } from './outbox/keys'
import { lastVisited } from './outbox/visits'
import { soon, type Database } from './outbox/database'
import { part } from './part'
import { fragmentOf, readFragment } from './todos/fragment'
import { isPrivate, parseKey, type ListKey } from './todos/listKey'
import { addressOf, asksForLast, defaultList, nameIn, nameProblem } from './todos/listName'

/** The list that the page's address opens. */
export interface Opened {
  /** The name in the address, or null. */
  readonly asked: string | null
  readonly list: string
  /** The key of a private list. */
  readonly key: ListKey | null
  /** Whether the list has just been moved here. */
  readonly moved: boolean
  /** Why the address opens no list: the name is invalid, or the key is missing, malformed or of another list. */
  readonly problem: Problem | null
}

export interface Problem {
  readonly about: 'name' | 'key'
  readonly sentence: string
}

/**
 * Returns the list that the address opens, adds the key to the address, and stores the key on this device.
 * A key in the address precedes the stored one, so that a link to read a list shows what other readers see.
 * Throws PartMissing if the part that reads keys cannot be loaded.
 */
export async function open(database: Promise<Database>): Promise<Opened> {
  let asked = nameIn(location.search)
  // An installed app is opened without a list's name. Without storage it opens the default list.
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
  if (given) database.then((db) => keepKey(db, given)).catch(() => undefined) // the address still has it
  else key = await part(parseKey((await soon(database).then((db) => keptKey(db, list)).catch(() => undefined)) ?? ''))
  if (!key) {
    // If the browser opens the database later, `followKey` opens the list.
    database
      .then((db) => keptKey(db, list))
      .then((late) => late && location.replace(addressOf(list) + fragmentOf({ filter, key: late })))
      .catch(() => undefined)
    return opened({ about: 'key', sentence: words.value.key.missing })
  }
  history.replaceState(null, '', addressOf(list) + fragmentOf({ filter, key: key.text }))
  return opened(null)
}

/** Reloads the page if the fragment gets another key, which browsers do not do, and restores the key if the fragment loses it. */
export function followKey({ key }: Opened): void {
  window.addEventListener('hashchange', () => {
    const fragment = readFragment(location.hash)
    if (fragment.key === null && key) history.replaceState(null, '', fragmentOf({ ...fragment, key: key.text }))
    else if (fragment.key !== (key?.text ?? null)) location.reload()
  })
}
