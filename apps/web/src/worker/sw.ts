/// <reference lib="webworker" />
import { batchesOf, placeOf } from '@/api/batch'
import { loadConfig } from '@/api/config'
import { syncTag } from '@/outbox/backgroundSync'
import { openDatabase, soon } from '@/outbox/database'
import { sendAll } from '@/outbox/sendAll'

// Keeps the page, not the lists, which are in IndexedDB; sends what waits there when no page is open. The build replaces this name by the files of the page and a hash of them all.
declare const __PRECACHE__: { version: string; files: string[] }
declare const self: ServiceWorkerGlobalScope

const { version, files } = __PRECACHE__
const cacheName = `todo-page-${version}`
const at = (file: string) => new URL(file, self.registration.scope).href
const index = at('./')
const config = at('config.json')
const precached = new Set(files.map(at))
const assets = at('assets/')
// How long the network may take for a page that is also kept here.
const patience = 3_000

self.addEventListener('install', (event) => {
  // Takes over at once. A version that waited for the page to activate it could never replace a page that crashes.
  void self.skipWaiting()
  event.waitUntil(
    (async () => {
      const cache = await caches.open(cacheName)
      // Past the HTTP cache, for these are the files of this version. Not those below assets/, whose names say it: the page has just loaded most of them.
      await cache.addAll([index, config, ...precached].map((address) => new Request(address, { cache: address.startsWith(assets) ? 'default' : 'reload' })))
    })(),
  )
})

self.addEventListener('activate', (event) => {
  event.waitUntil(
    (async () => {
      // Pages of the version before, which are open still, need its parts.
      const older = (await caches.keys()).filter((name) => name.startsWith('todo-page-') && name !== cacheName)
      for (const name of older.slice(0, -1)) await caches.delete(name)
      await self.clients.claim()
    })(),
  )
})

self.addEventListener('fetch', (event) => {
  const { request } = event
  const address = new URL(request.url)
  address.hash = ''
  // What is answered here is named one by one: the API, wherever it is, never is.
  if (request.method !== 'GET' || address.origin !== self.location.origin) return
  if (request.mode === 'navigate') {
    if (address.origin + address.pathname === index) event.respondWith(fresh(request, index))
  } else if (address.href.startsWith(assets)) {
    event.respondWith(kept(address.href, request)) // a hash in its name: it never changes
  } else if (address.href === config || precached.has(address.href)) {
    event.respondWith(fresh(request, address.href))
  }
})

async function kept(address: string, request: Request): Promise<Response> {
  for (const name of await caches.keys()) {
    const found = name.startsWith('todo-page-') && (await (await caches.open(name)).match(address))
    if (found) return found
  }
  return fetch(request)
}

/**
 * From the network: a sign-in page, a redirect, a repaired version or another project on this port must get through.
 * From what is kept when there is no network, when it is slow, and when the server has trouble.
 */
async function fresh(request: Request, address: string): Promise<Response> {
  const cache = await caches.open(cacheName)
  const last = await cache.match(address)
  const answer = fetch(request).then(async (response) => {
    if (address === config && response.ok && !response.redirected) await cache.put(config, response.clone())
    return response
  })
  if (!last) return answer
  let timer: ReturnType<typeof setTimeout> | undefined
  const slow = new Promise<null>((resolve) => (timer = setTimeout(() => resolve(null), patience)))
  try {
    const response = await Promise.race([answer, slow])
    return response && response.status < 500 ? response : last
  } catch {
    return last
  } finally {
    clearTimeout(timer)
  }
}

// Background Sync: the network is back. The browser tries again later when this fails.
self.addEventListener('sync', (event) => {
  const { tag } = event as ExtendableEvent & { readonly tag?: string }
  if (tag === syncTag) (event as ExtendableEvent).waitUntil(sendWaiting())
})

async function sendWaiting() {
  const database = await soon(openDatabase())
  try {
    const { apiBase, signIn } = await loadConfig(config)
    if (signIn) return // the page alone has the token
    await sendAll(database, (list, key) => Promise.resolve(batchesOf(placeOf(apiBase, list, key))))
  } finally {
    database.close()
  }
}
