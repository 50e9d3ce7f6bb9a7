import { batchesOf, placeOf, type Batches } from './batch'
import { loadConfig, type Config } from './config'
import { decodeHistory, decodeSnapshot, type HistoryEntry } from './decode'
import { read } from './request'
import { shareWatch } from './shareWatch'
import { openSignIn, type SignIn } from './signIn'
import { watchList, type Watch, type Watcher } from './watch'
import type { Snapshot } from '@/todos/todo'

export interface Loaded extends Snapshot {
  readonly title: string
  /** Seconds since the server last reached its store, if it answered from memory. */
  readonly age: number | null
  /** The `ETag` of this state of the list. */
  readonly tag: string
}

/** One list of the API. Every failure is thrown as Trouble. */
export interface ListClient extends Batches {
  /** @param limitMs time limit for the response's headers, by default longer than the server waits for its store */
  load(limitMs?: number): Promise<Loaded>
  /** Returns the items that the last revisions removed or changed, newest revision first. */
  history(): Promise<readonly HistoryEntry[]>
  watch(watcher: Watcher): Watch
  setTitle(title: string): Promise<void>
  /** Deletes the list and its history if its `ETag` is still `tag`; throws Trouble with status 412 otherwise. */
  erase(tag: string): Promise<void>
}

/** Returns a client of one list. The parameters are those that `placeOf` documents. */
export function listClient(base: string, list: string, key?: string, signIn: SignIn | null = null): ListClient {
  const place = placeOf(base, list, key, signIn)
  const { root, headers, ask } = place
  return {
    ...batchesOf(place),
    async load(limitMs) {
      const response = await ask('', { cache: 'no-store' }, limitMs)
      const age = response.headers.has('Warning') ? Number(response.headers.get('Age') ?? 0) : null
      // A compressing proxy makes the tag weak, and If-Match never matches a weak tag.
      const tag = response.headers.get('ETag')?.replace('W/', '') ?? ''
      return { ...(await read(response, decodeSnapshot)), age, tag }
    },
    async history() {
      const response = await ask('/history', { cache: 'no-store' })
      return read(response, decodeHistory)
    },
    async setTitle(title) {
      await ask('', { method: 'PATCH', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ title }) })
    },
    async erase(tag) {
      await ask('', { method: 'DELETE', headers: { 'If-Match': tag } })
    },
    watch: (watcher) => shareWatch(root, (shared) => watchList(`${root}/events`, shared, headers), watcher),
  }
}

/** Returns the API that `config.json` names. The file is read once, and again after a failure. */
export function lists(): (list: string, key?: string) => Promise<ListClient> {
  let config: Promise<Config> | undefined
  return async (list, key) => {
    config ??= loadConfig()
    try {
      const { apiBase, signIn } = await config
      return listClient(apiBase, list, key, signIn && (await openSignIn(signIn)))
    } catch (cause) {
      config = undefined
      throw cause
    }
  }
}
