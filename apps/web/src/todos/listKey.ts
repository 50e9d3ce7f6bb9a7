import { base64url } from './randomId'

/** The key of a private list; `docs/decisions/2026-11-27-list-keys.md` describes the derivation. */
export interface ListKey {
  /** The key as the API and links write it: 22 characters to edit, 43 to read. */
  readonly text: string
  readonly access: 'edit' | 'read'
  /** The name of the list that it opens. */
  readonly list: string
  /** The key that opens the same list for reading only. */
  readonly readText: string
}

// Loaded when a private list is opened or made.
const hashing = () => import('./hash')

/** The key that a text is, or null for anything else. */
export async function parseKey(text: string): Promise<ListKey | null> {
  const access = accessOf(text)
  if (access === null) return null
  const bytes = fromBase64url(text) as Uint8Array
  return listKey(text, access === 'edit' ? (await hashing()).hash('read', bytes) : bytes)
}

/** What a key opens a list for; null for a text that is not a key. */
export function accessOf(text: string): ListKey['access'] | null {
  switch (fromBase64url(text)?.length) {
    case 16:
      return 'edit'
    case 32:
      return 'read'
  }
  return null
}

/** A random key to edit a new list. */
export async function newKey(): Promise<ListKey> {
  const edit = crypto.getRandomValues(new Uint8Array(16))
  return listKey(base64url(edit), (await hashing()).hash('read', edit))
}

/** Whether a list of this name opens only with a key. */
export function isPrivate(name: string): boolean {
  return /^k-[a-z2-7]{32}$/.test(name)
}

/** Whether the name of a plain list was made by this page for a private list, before there were keys: 128 random bits. */
export function isOldPrivate(name: string): boolean {
  return accessOf(name) === 'edit' && /[A-Z]/.test(name) && /[a-z]/.test(name)
}

async function listKey(text: string, read: Uint8Array): Promise<ListKey> {
  const { hash } = await hashing()
  const readText = base64url(read)
  return { text, access: text === readText ? 'read' : 'edit', list: `k-${base32(hash('list', read).subarray(0, 20))}`, readText }
}

/** Reads base64url without padding; null unless it is written as `base64url` writes it, which the API demands. */
function fromBase64url(text: string): Uint8Array | null {
  if (!/^[\w-]+$/.test(text) || text.length % 4 === 1) return null
  const bytes = Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (byte) => byte.charCodeAt(0))
  return base64url(bytes) === text ? bytes : null
}

/** Base32 (RFC 4648, 6) in lower case, of a multiple of five bytes. */
function base32(bytes: Uint8Array): string {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('')
  return bits.replaceAll(/.{5}/g, (five) => 'abcdefghijklmnopqrstuvwxyz234567'.charAt(Number.parseInt(five, 2)))
}
