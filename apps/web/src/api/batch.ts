import { decodeResults, type OperationResult } from './decode'
import { read, request } from './request'
import type { Operation } from '@/todos/todo'

/** The most that one request may carry: `Batch.operations.maxItems`, and a body well below the 1 MiB that the API takes. */
export const maxBatch = { operations: 200, bytes: 768 * 1024 }

/** Takes the operations on one list. */
export interface Batches {
  /**
   * Sends operations, to be applied in order: one result for each. Sending one again, by its id, is
   * safe: what had landed is answered and not repeated. Throws Trouble.
   */
  send(operations: readonly Operation[]): Promise<OperationResult[]>
}

/** Where a list is, and what every request for it says. */
export interface Place {
  readonly root: string
  readonly headers: () => Promise<Record<string, string>>
}

/**
 * @param base where the API is: an address without a slash at its end, or empty for the page's own origin
 * @param key of a private list; sent in a header, because addresses are logged
 * @param signIn where people sign in
 */
export function placeOf(base: string, list: string, key?: string, signIn: { headers(): Promise<Record<string, string>> } | null = null): Place {
  return {
    root: `${base}/api/lists/${encodeURIComponent(list)}`,
    headers: async () => ({ Accept: 'application/json', ...(key !== undefined && { 'Todo-Key': key }), ...(await signIn?.headers()) }),
  }
}

export function batchesOf({ root, headers }: Place): Batches {
  return {
    async send(operations) {
      const response = await request(`${root}/batch`, {
        method: 'POST',
        headers: { ...(await headers()), 'Content-Type': 'application/json' },
        body: JSON.stringify({ operations }),
      })
      return read(response, (value) => decodeResults(value, operations))
    },
  }
}
