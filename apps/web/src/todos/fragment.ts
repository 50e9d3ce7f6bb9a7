import type { Filter } from './filter'

/** What stands after # in the page's address, which browsers do not send: `#/active`, `#key=…`, or both as `#/active&key=…`. */
export interface Fragment {
  readonly filter: Filter
  /** The key of a private list, as it is written; perhaps not a key at all. */
  readonly key: string | null
}

/** Reads a fragment. Anything but the names of filters shows all items. */
export function readFragment(hash: string): Fragment {
  const parts = hash.replace(/^#/, '').split('&')
  const name = parts[0]?.replace(/^\//, '')
  const key = parts.find((part) => part.startsWith('key='))
  return { filter: name === 'active' || name === 'completed' ? name : 'all', key: key?.slice('key='.length) ?? null }
}

/** Writes a fragment. */
export function fragmentOf({ filter, key }: Fragment): string {
  return `#/${filter === 'all' ? '' : filter}${key === null ? '' : `&key=${key}`}`
}
