/**
 * The reason why a request failed.
 * - `unreachable`: no response within the time limit. The outcome of a write is unknown.
 * - `busy`: the server cannot handle it now (see `undecided`). The outcome of a write is unknown.
 * - `refused`: the server refused the request (other 4xx).
 * - `unreadable`: the response is not the API's: a network's sign-in page, or a server of another version.
 * - `signin`: a proxy in front of the API requires a sign-in.
 */
export type TroubleKind = 'unreachable' | 'busy' | 'refused' | 'unreadable' | 'signin'

/** The message is the server's for `busy` and `refused`, in the server's language, and the invalid place for `unreadable`, if known. */
export class Trouble extends Error {
  override readonly name = 'Trouble'
  readonly kind: TroubleKind
  /** The HTTP status, if there was a response. */
  readonly status: number | undefined
  /** The API's name for the problem, such as `key-required`. */
  readonly code: string | undefined
  /** Milliseconds to wait before the next attempt, if the server gave them. */
  readonly retryAfter: number | undefined

  constructor(kind: TroubleKind, message: string, about: { status?: number; code?: string | undefined; retryAfter?: number | undefined; cause?: unknown } = {}) {
    super(message, { cause: about.cause })
    this.kind = kind
    this.status = about.status
    this.code = about.code
    this.retryAfter = about.retryAfter
  }
}
