/// <reference lib="webworker" />

// Keeps the page, not the lists: those are in IndexedDB. The build replaces this name by the files of the page and a hash of them all.
declare const __PRECACHE__: { version: string; files: string[] }
declare const self: ServiceWorkerGlobalScope

const { version, files } = __PRECACHE__
const cacheName = `todo-page-${version}`
const index = new URL('./', self.registration.scope).href
const config = new URL('config.json', self.registration.scope).href
const precached = new Set(files.map((file) => new URL(file, self.registration.scope).href))

self.addEventListener('install', (event) => {
  event.waitUntil(
    (async () => {
      const cache = await caches.open(cacheName)
      // Past the HTTP cache: these are the files of this version.
      await cache.addAll([index, config, ...precached].map((address) => new Request(address, { cache: 'reload' })))
    })(),
  )
})

self.addEventListener('activate', (event) => {
  event.waitUntil(
    (async () => {
      for (const name of await caches.keys()) {
        if (name.startsWith('todo-page-') && name !== cacheName) await caches.delete(name)
      }
      await self.clients.claim()
    })(),
  )
})

self.addEventListener('message', (event) => {
  if (event.data === 'activate') void self.skipWaiting()
})

self.addEventListener('fetch', (event) => {
  const { request } = event
  const address = new URL(request.url)
  address.hash = ''
  // What is answered here is named one by one: the API, wherever it is, never is.
  if (request.method !== 'GET' || address.origin !== self.location.origin) return
  if (address.href === config) event.respondWith(fresh(request))
  else if (precached.has(address.href)) event.respondWith(kept(address.href, request))
  else if (request.mode === 'navigate' && address.origin + address.pathname === index) event.respondWith(kept(index, request))
})

async function kept(address: string, request: Request): Promise<Response> {
  const cache = await caches.open(cacheName)
  return (await cache.match(address)) ?? fetch(request)
}

/** From the network, and from the last visit when there is none. */
async function fresh(request: Request): Promise<Response> {
  const cache = await caches.open(cacheName)
  try {
    const response = await fetch(request)
    if (response.ok) await cache.put(config, response.clone())
    return response
  } catch (cause) {
    const last = await cache.match(config)
    if (last) return last
    throw cause
  }
}
