import { sha256 } from '@noble/hashes/sha2.js'

const utf8 = new TextEncoder()

/** Returns the SHA-256 of a string followed by bytes. The library works without crypto.subtle, which is missing if the page is served without TLS from another machine. */
export function hash(word: string, bytes: Uint8Array): Uint8Array {
  return sha256(Uint8Array.of(...utf8.encode(word), ...bytes))
}
