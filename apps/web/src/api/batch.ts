import { decodeResults, type OperationResult } from './decode'
import { read, request } from './request'
import type { SignIn } from './signIn'
import { Trouble } from './trouble'
import type { Operation } from '@/todos/todo'

/** Maximum operations of a request: `Batch.operations.maxItems`; and its maximum size, well below the API's 1 MiB. */
export const maxBatch = { operations: 200, bytes: 768 * 1024 }

/** Sends operations on one list. */
export interface Batches {
  /**
   * Sends operations, to be applied in order: one result for each. Sending one again, by its id, is
   * safe: an operation that has landed is answered, not repeated. Throws Trouble.
   */
  send(operations: readonly Operation[]): Promise<OperationResult[]>
}

/** The address of a list, and the requests to it. */
export interface Place {
  readonly root: string
  /** Headers of every request. */
  readonly headers: () => Promise<Record<string, string>>
  /** Sends a request below the root. A token that the API refuses is renewed once. Throws Trouble. */
  readonly ask: (path: string, init?: Omit<RequestInit, 'headers'> & { headers?: Record<string, string> }, limitMs?: number) => Promise<Response>
}

/**
 * @param base address of the API, without a slash at its end, or empty for the page's origin
 * @param key of a private list; sent in a header, because addresses are logged
 * @param signIn the issuer's sign-in, if the API requires one
 */
export function placeOf(base: string, list: string, key?: string, signIn: Pick<SignIn, 'headers'> | null = null): Place {
  const root = `${base}/api/lists/${encodeURIComponent(list)}`
  const headers = async (refused?: string): Promise<Record<string, string>> => ({ Accept: 'application/json', ...(key !== undefined && { 'Todo-Key': key }), ...(await signIn?.headers(refused)) })
  return {
    root,
    headers: () => headers(),
    async ask(path, init = {}, limitMs) {
      const send = (own: Record<string, string>) => request(root + path, { ...init, headers: { ...own, ...init.headers } }, limitMs)
      const first = await headers()
      try {
        return await send(first)
      } catch (cause) {
        if (!(cause instanceof Trouble) || cause.status !== 401) throw cause
        const renewed = await headers(first['Authorization'])
        if (renewed['Authorization'] === first['Authorization']) throw cause
        return send(renewed)
      }
    },
  }
}

export function batchesOf({ ask }: Place): Batches {
  return {
    async send(operations) {
      const response = await ask('/batch', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ operations }) })
      return read(response, (value) => decodeResults(value, operations))
    },
  }
}
