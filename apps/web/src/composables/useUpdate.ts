import { ref, type Ref } from 'vue'

/**
 * Installs the service worker, which makes the page open offline. `ready` turns true when a newer
 * version of the page waits; `apply` loads it.
 */
export function useUpdate(): { ready: Ref<boolean>; apply: () => void } {
  const ready = ref(false)
  let waiting: ServiceWorker | null = null
  let applying = false

  async function install() {
    const registration = await navigator.serviceWorker.register('./sw.js', { updateViaCache: 'none' })
    const offer = (worker: ServiceWorker | null) => {
      // Without a controller this is the first version, and nothing to tell of.
      if (worker?.state !== 'installed' || !navigator.serviceWorker.controller) return
      waiting = worker
      ready.value = true
    }
    offer(registration.waiting)
    registration.addEventListener('updatefound', () => {
      const worker = registration.installing
      worker?.addEventListener('statechange', () => offer(worker))
    })
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'visible') registration.update().catch(() => undefined) // offline: at the next visit
    })
  }

  // Missing in insecure contexts; and in development there is no sw.js.
  if ('serviceWorker' in navigator && import.meta.env.PROD) {
    navigator.serviceWorker.addEventListener('controllerchange', () => {
      if (applying) location.reload()
    })
    install().catch(() => undefined) // forbidden by the browser: the page works, only not offline
  }

  return {
    ready,
    apply() {
      applying = true
      waiting?.postMessage('activate')
    },
  }
}
