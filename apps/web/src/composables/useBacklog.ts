import { onScopeDispose, shallowRef, type ShallowRef } from 'vue'
import type { ListClient } from '@/api/client'
import { Backlog, type Backlogged } from '@/outbox/backlog'
import type { Database } from '@/outbox/database'
import { scopeSignal } from './scopeSignal'

/**
 * The other lists with waiting or refused changes. Waiting changes are sent while the page is open.
 * Ends with the scope it is called in.
 */
export function useBacklog(shown: string | null, database: Promise<Database>, connect: (list: string, key?: string) => Promise<ListClient>): Readonly<ShallowRef<ReadonlyMap<string, Backlogged>>> {
  const lists = shallowRef<ReadonlyMap<string, Backlogged>>(new Map())
  const backlog = new Backlog(shown, database, connect, (changed) => (lists.value = changed))

  function take() {
    if (document.visibilityState === 'visible') backlog.take()
  }
  const until = { signal: scopeSignal() }
  document.addEventListener('visibilitychange', take, until)
  window.addEventListener('online', take, until)
  window.addEventListener('pageshow', ({ persisted }) => persisted && take(), until)
  window.addEventListener('pagehide', () => backlog.leave(), until) // a page in the back/forward cache sends nothing
  onScopeDispose(() => backlog.close())
  take()
  return lists
}
