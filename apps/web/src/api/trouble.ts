/**
 * Why a request did not give what it was made for.
 * - `unreachable`: no answer came: no network, no server, or none within the time allowed. What a write did is unknown.
 * - `busy`: the server cannot now (429, 5xx). What a write did is unknown.
 * - `refused`: the server says no to this request (4xx).
 * - `unreadable`: the answer is not one of this API: a sign-in page of a network between, or a server of another version.
 * - `signin`: a proxy in front asks for sign-in.
 */
export type TroubleKind = 'unreachable' | 'busy' | 'refused' | 'unreadable' | 'signin'

/** Its message is for `busy` and `refused` what the server says, in the server's language; for `unreadable` the place that was not understood, if known. */
export class Trouble extends Error {
  override readonly name = 'Trouble'
  readonly kind: TroubleKind
  /** The HTTP status, when there was an answer. */
  readonly status: number | undefined
  /** The API's name for the problem, such as `key-required`. */
  readonly code: string | undefined
  /** Milliseconds to wait before the next try, when the server named them. */
  readonly retryAfter: number | undefined

  constructor(kind: TroubleKind, message: string, about: { status?: number; code?: string | undefined; retryAfter?: number | undefined; cause?: unknown } = {}) {
    super(message, { cause: about.cause })
    this.kind = kind
    this.status = about.status
    this.code = about.code
    this.retryAfter = about.retryAfter
  }
}
