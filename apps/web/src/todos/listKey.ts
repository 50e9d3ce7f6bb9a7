import { base64url } from './randomId'

/** The key of a private list; `docs/decisions/2026-11-27-list-keys.md` describes the derivation. */
export interface ListKey {
  /** The key's text in links and requests: 22 characters to edit, 43 to read. */
  readonly text: string
  readonly access: 'edit' | 'read'
  /** Name of its list. */
  readonly list: string
  /** The key that opens the same list only for reading. */
  readonly readText: string
}

// Loaded when a private list is opened or created.
const hashing = () => import('./hash')

/** Parses a key; returns null if the text is not one. */
export async function parseKey(text: string): Promise<ListKey | null> {
  const access = accessOf(text)
  if (access === null) return null
  const bytes = fromBase64url(text) as Uint8Array
  return listKey(text, access === 'edit' ? (await hashing()).hash('read', bytes) : bytes)
}

/** Returns what a key permits, or null if the text is not a key. */
export function accessOf(text: string): ListKey['access'] | null {
  switch (fromBase64url(text)?.length) {
    case 16:
      return 'edit'
    case 32:
      return 'read'
  }
  return null
}

/** Returns a random key to edit a new list. */
export async function newKey(): Promise<ListKey> {
  const edit = crypto.getRandomValues(new Uint8Array(16))
  return listKey(base64url(edit), (await hashing()).hash('read', edit))
}

/** Reports whether a list of this name opens only with a key. */
export function isPrivate(name: string): boolean {
  return /^k-[a-z2-7]{32}$/.test(name)
}

/** Reports whether a name has the form that this page gave private lists before keys existed: 128 random bits. */
export function isOldPrivate(name: string): boolean {
  return accessOf(name) === 'edit' && /[A-Z]/.test(name) && /[a-z]/.test(name)
}

async function listKey(text: string, read: Uint8Array): Promise<ListKey> {
  const { hash } = await hashing()
  const readText = base64url(read)
  return { text, access: text === readText ? 'read' : 'edit', list: `k-${base32(hash('list', read).subarray(0, 20))}`, readText }
}

/** Decodes base64url without padding; returns null unless the text is canonical, as the API requires. */
function fromBase64url(text: string): Uint8Array | null {
  if (!/^[\w-]+$/.test(text) || text.length % 4 === 1) return null
  const bytes = Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (byte) => byte.charCodeAt(0))
  return base64url(bytes) === text ? bytes : null
}

/** Encodes a multiple of five bytes as Base32 (RFC 4648, 6) in lower case. */
function base32(bytes: Uint8Array): string {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('')
  return bits.replaceAll(/.{5}/g, (five) => 'abcdefghijklmnopqrstuvwxyz234567'.charAt(Number.parseInt(five, 2)))
}
