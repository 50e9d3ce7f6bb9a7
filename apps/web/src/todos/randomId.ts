/**
 * 128 random bits as 22 characters of `[A-Za-z0-9_-]`: names of items, operations and private lists.
 * Not from the clock, which may be wrong, and not `crypto.randomUUID`, which is missing where the
 * page is served without TLS from another machine.
 */
export function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}
