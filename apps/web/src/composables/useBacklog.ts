import { onScopeDispose, shallowRef, type ShallowRef } from 'vue'
import type { ListClient } from '@/api/client'
import { Backlog, type Backlogged } from '@/outbox/backlog'
import type { Database } from '@/outbox/database'

/**
 * The lists other than the one shown of which changes wait on this device or were refused. They are
 * sent while the page is open. Ends with the scope it is called in.
 */
export function useBacklog(shown: string | null, database: Promise<Database>, connect: (list: string, key?: string) => Promise<ListClient>): Readonly<ShallowRef<ReadonlyMap<string, Backlogged>>> {
  const lists = shallowRef<ReadonlyMap<string, Backlogged>>(new Map())
  const backlog = new Backlog(shown, database, connect, (changed) => (lists.value = changed))

  function take() {
    if (document.visibilityState === 'visible') backlog.take()
  }
  function onShow(event: PageTransitionEvent) {
    if (event.persisted) take()
  }
  function leave() {
    backlog.leave() // a page in the back/forward cache sends nothing
  }
  document.addEventListener('visibilitychange', take)
  window.addEventListener('online', take)
  window.addEventListener('pageshow', onShow)
  window.addEventListener('pagehide', leave)
  onScopeDispose(() => {
    backlog.close()
    document.removeEventListener('visibilitychange', take)
    window.removeEventListener('online', take)
    window.removeEventListener('pageshow', onShow)
    window.removeEventListener('pagehide', leave)
  })
  take()
  return lists
}
