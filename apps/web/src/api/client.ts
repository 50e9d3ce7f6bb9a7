import { loadConfig, type Config } from './config'
import { decodeResults, decodeTodos, type OperationResult } from './decode'
import { read, request } from './request'
import { watchList, type Watch, type Watcher } from './watch'
import type { Operation, Snapshot } from '@/todos/todo'

export interface Loaded extends Snapshot {
  /** Set when the server could not ask its store and answered from memory: how many seconds ago it last could. */
  readonly age: number | null
}

/** One list of the API. Every failure is thrown as Trouble. */
export interface ListClient {
  load(): Promise<Loaded>
  /**
   * Sends operations, to be applied in order: one result for each. Sending one again, by its id, is
   * safe: what had landed is answered and not repeated.
   */
  send(operations: readonly Operation[]): Promise<OperationResult[]>
  watch(watcher: Watcher): Watch
}

/** The most that one request may carry: `Batch.operations.maxItems`, and a body well below the 1 MiB that the API takes. */
export const maxBatch = { operations: 200, bytes: 768 * 1024 }

/**
 * Names a list of an API.
 * @param base where the API is: an address without a slash at its end, or empty for the page's own origin
 */
export function listClient(base: string, list: string): ListClient {
  const root = `${base}/api/lists/${encodeURIComponent(list)}`
  return {
    async load() {
      const response = await request(`${root}/todos`, { headers: { Accept: 'application/json' }, cache: 'no-store' })
      const todos = await read(response, decodeTodos)
      const age = response.headers.has('Warning') ? Number(response.headers.get('Age') ?? 0) : null
      return { revision: revisionOf(response.headers.get('ETag')), todos, age }
    },
    async send(operations) {
      const response = await request(`${root}/batch`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
        body: JSON.stringify({ operations }),
      })
      return read(response, (value) => decodeResults(value, operations))
    },
    watch: (watcher) => watchList(`${root}/events`, watcher),
  }
}

/** Gives the lists of the API that `config.json` names, which is read once, and again after that failed. */
export function lists(): (list: string) => Promise<ListClient> {
  let config: Promise<Config> | undefined
  return async (list) => {
    config ??= loadConfig()
    try {
      return listClient((await config).apiBase, list)
    } catch (cause) {
      config = undefined
      throw cause
    }
  }
}

// "17", or "0-1a2b3c4d" for a list that only the predecessor has written.
function revisionOf(etag: string | null): number {
  return Number(/^(?:W\/)?"(\d+)/.exec(etag ?? '')?.[1] ?? 0)
}
