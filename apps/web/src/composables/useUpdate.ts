import { ref, type Ref } from 'vue'
import { localStore } from '@/outbox/preferences'

/**
 * Installs the service worker, which makes the page open offline. `ready` turns true when a newer
 * version of the page has been installed; `apply` loads it.
 */
export function useUpdate(): { ready: Ref<boolean>; apply: () => void } {
  const ready = ref(false)

  async function install() {
    const registration = await navigator.serviceWorker.register('./sw.js', { updateViaCache: 'none' })
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'visible') registration.update().catch(() => undefined) // offline: at the next visit
    })
  }

  // Missing in insecure contexts, and sw.js is missing in development. If storage is forbidden, Firefox reports each attempt as an error of the page.
  if ('serviceWorker' in navigator && localStore() && import.meta.env.PROD) {
    // A new worker becomes active when it is installed. Without an earlier one, this is the first version, not an update.
    let controlled = navigator.serviceWorker.controller !== null
    navigator.serviceWorker.addEventListener('controllerchange', () => {
      ready.value ||= controlled
      controlled = true
    })
    install().catch(() => undefined) // forbidden by the browser: the page works, but not offline
  }

  return { ready, apply: () => location.reload() }
}
