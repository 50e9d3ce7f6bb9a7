import type { Filter } from './filter'

/** The fragment of the page's address, which browsers do not send: `#/active`, `#key=…`, or both as `#/active&key=…`. */
export interface Fragment {
  readonly filter: Filter
  /** The text after `key=`, which may not be a valid key. */
  readonly key: string | null
}

/** Parses a fragment. An unknown filter means all items. */
export function readFragment(hash: string): Fragment {
  const parts = hash.replace(/^#/, '').split('&')
  const name = parts[0]?.replace(/^\//, '')
  const key = parts.find((part) => part.startsWith('key='))
  return { filter: name === 'active' || name === 'completed' ? name : 'all', key: key?.slice('key='.length) ?? null }
}

/** Formats a fragment. */
export function fragmentOf({ filter, key }: Fragment): string {
  return `#/${filter === 'all' ? '' : filter}${key === null ? '' : `&key=${key}`}`
}
