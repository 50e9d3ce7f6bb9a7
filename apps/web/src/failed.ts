import { PartMissing } from '@/part'
import { words } from '@/words'

/**
 * Shows that the page failed, or that a part of it could not be loaded, with a button that reloads it without the service worker's copy of
 * the page, so that a repaired version is loaded. Waiting changes stay in IndexedDB. Not a component, since Vue may have failed.
 */
export function failed(cause: unknown): void {
  document.querySelector('.failed.missing')?.remove()
  if (document.querySelector('.failed')) return
  const panel = document.createElement('div')
  const missing = cause instanceof PartMissing
  panel.className = missing ? 'panel failed missing' : 'panel failed'
  panel.setAttribute('role', 'alert')
  const text = document.createElement('p')
  text.textContent = missing ? words.value.partMissing : words.value.failed
  const button = document.createElement('button')
  button.type = 'button'
  button.textContent = words.value.reload
  button.addEventListener('click', () => void leave())
  panel.append(text, button)
  document.body.prepend(panel)
}

async function leave() {
  try {
    for (const name of await caches.keys()) if (name.startsWith('todo-page-')) await caches.delete(name)
    const registrations = await navigator.serviceWorker.getRegistrations()
    await Promise.all(registrations.filter(({ scope }) => scope === new URL('./', document.baseURI).href).map((registration) => registration.unregister()))
  } catch {
    // no service worker here
  }
  location.reload()
}
