import { decodeProblem, undecided } from './decode'
import { Trouble } from './trouble'

// Longer than the 10 s that the server gives its store, so that its own 503 arrives first.
const patience = 15_000

/** Time limit of the first requests after a connection went silent. The browser may send each over another dead connection, and closes that only when the request ends. */
export const shortPatience = 4_000

/** Calls `fetch` with a time limit for the response's headers. Throws Trouble for every status other than 2xx. */
export async function request(address: string | URL, init: RequestInit = {}, limitMs = patience): Promise<Response> {
  let response: Response
  const limit = new AbortController()
  const timer = setTimeout(() => limit.abort(), limitMs)
  try {
    response = await fetch(address, { signal: limit.signal, redirect: 'manual', ...init })
  } catch (cause) {
    throw new Trouble('unreachable', 'The server could not be reached.', { cause })
  } finally {
    clearTimeout(timer)
  }
  const signIn = signInTrouble(response)
  if (signIn) throw signIn
  if (response.ok) return response

  const problem = decodeProblem(await bodyOf(response).then(JSON.parse).catch(() => null), response.status)
  const kind = undecided(response) ? 'busy' : 'refused'
  throw new Trouble(kind, problem.detail || problem.title, { status: response.status, code: problem.code, retryAfter: seconds(response.headers.get('Retry-After')) })
}

/**
 * Returns the Trouble of a response by which a proxy requires a sign-in: a redirect, which this API never
 * sends, a 401, or a page instead of data. Otherwise null.
 */
export function signInTrouble(response: Response): Trouble | null {
  const page = response.ok && /^text\/html\b/i.test(response.headers.get('Content-Type') ?? '')
  // A browser hides the status of a redirect that it does not follow.
  const redirect = response.type === 'opaqueredirect' || (response.status >= 300 && response.status < 400)
  if (!redirect && response.status !== 401 && !page) return null
  return new Trouble('signin', 'A sign-in page answered in place of the list.', { status: response.status })
}

/** Reads the body as JSON and decodes it. Throws Trouble of kind `unreadable` for an unexpected body. */
export async function read<T>(response: Response, decode: (value: unknown) => T): Promise<T> {
  let text: string
  try {
    text = await bodyOf(response)
  } catch (cause) {
    throw new Trouble('unreachable', 'The connection broke off.', { cause })
  }
  return parse(text, decode, response.status)
}

/** Reads a body as long as data arrives: a long list takes minutes on a slow network. Throws if nothing arrives for `patience`. */
async function bodyOf({ body }: Response): Promise<string> {
  if (!body) return ''
  const reader = body.getReader()
  const decoder = new TextDecoder()
  let text = ''
  for (;;) {
    const { done, value } = await new Promise<ReadableStreamReadResult<Uint8Array>>((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error('The answer broke off.'))
        reader.cancel().catch(() => undefined)
      }, patience)
      reader
        .read()
        .finally(() => clearTimeout(timer))
        .then(resolve, reject)
    })
    text += decoder.decode(value, { stream: !done })
    if (done) return text
  }
}

/** Parses and decodes JSON, with the errors of `read`. */
export function parse<T>(text: string, decode: (value: unknown) => T, status?: number): T {
  try {
    return decode(JSON.parse(text))
  } catch (cause) {
    throw new Trouble('unreadable', cause instanceof TypeError ? cause.message : '', { ...(status !== undefined && { status }), cause })
  }
}

// Only the form in seconds: the form with a date needs a correct clock.
function seconds(header: string | null): number | undefined {
  return header !== null && /^\d{1,6}$/.test(header) ? Number(header) * 1000 : undefined
}
