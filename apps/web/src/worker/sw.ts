/// <reference lib="webworker" />
import { batchesOf, placeOf } from '@/api/batch'
import { loadConfig } from '@/api/config'
import { undecided } from '@/api/decode'
import { signInTrouble } from '@/api/request'
import { syncTag } from '@/outbox/backgroundSync'
import { openDatabase, soon } from '@/outbox/database'
import { sendAll } from '@/outbox/sendAll'

// Caches the page; the lists are in IndexedDB. Sends waiting changes when no page is open. The build replaces this name by the page's files and a hash of them all.
declare const __PRECACHE__: { version: string; files: string[] }
declare const self: ServiceWorkerGlobalScope

const { version, files } = __PRECACHE__
const cacheName = `todo-page-${version}`
const at = (file: string) => new URL(file, self.registration.scope).href
const index = at('./')
const config = at('config.json')
const precached = new Set(files.map(at))
const assets = at('assets/')
// Milliseconds to wait for the network before a cached page is used.
const patience = 3_000

self.addEventListener('install', (event) => {
  // Becomes active immediately: a page that crashes could never activate a waiting version.
  void self.skipWaiting()
  event.waitUntil(
    (async () => {
      const cache = await caches.open(cacheName)
      // Without the HTTP cache, which may have another version's files. Files below assets/ have hashes in their names, and the page has just loaded most of them.
      await cache.addAll([index, config, ...precached].map((address) => new Request(address, { cache: address.startsWith(assets) ? 'default' : 'reload' })))
    })(),
  )
})

self.addEventListener('activate', (event) => {
  event.waitUntil(
    (async () => {
      // Open pages of the previous version need its parts.
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
  // Only the files listed here are answered from the cache, never the API.
  if (request.method !== 'GET' || address.origin !== self.location.origin) return
  if (request.mode === 'navigate') {
    if (address.origin + address.pathname === index) event.respondWith(fresh(request, index))
  } else if (address.href.startsWith(assets)) {
    event.respondWith(kept(address.href, request)) // its name has a hash: it never changes
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
 * Fetches the page from the network, so that a sign-in page, a redirect, a repaired version or another project on this port can replace it,
 * and from the cache if there is no network, if it is slow, or if the server fails.
 */
async function fresh(request: Request, address: string): Promise<Response> {
  const cache = await caches.open(cacheName)
  const last = await cache.match(address)
  const answer = fetch(request).then(async (response) => {
    if (address === config && response.ok && !response.redirected && !signInTrouble(response)) await cache.put(config, response.clone())
    return response
  })
  if (!last) return answer
  let timer: ReturnType<typeof setTimeout> | undefined
  const slow = new Promise<null>((resolve) => (timer = setTimeout(() => resolve(null), patience)))
  try {
    const response = await Promise.race([answer, slow])
    return response && !undecided(response) ? response : last
  } catch {
    return last
  } finally {
    clearTimeout(timer)
  }
}

// Background Sync: the network is back. The browser tries again later if this fails.
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
