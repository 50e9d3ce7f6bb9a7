/**
 * Returns 128 random bits as 22 characters of `[A-Za-z0-9_-]`, for ids of items and operations.
 * Not from the clock, which may be wrong, and not `crypto.randomUUID`, which is missing if the
 * page is served without TLS from another machine.
 */
export function randomId(): string {
  return base64url(crypto.getRandomValues(new Uint8Array(16)))
}

/** Encodes bytes as base64url (RFC 4648, 5) without padding. */
export function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}
