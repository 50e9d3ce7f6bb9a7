/**
 * Says that the page itself failed, and offers a way out: Reload also drops what the service worker keeps of
 * the page, so that a repaired version is loaded. What waits to be sent is in IndexedDB and stays. Does not use Vue, which may be what failed.
 */
export function failed(): void {
  if (document.querySelector('.failed')) return
  const panel = document.createElement('div')
  panel.className = 'panel failed'
  panel.setAttribute('role', 'alert')
  const text = document.createElement('p')
  text.textContent = 'This page has failed. Changes kept on this device are not lost; reload the page to go on.'
  const button = document.createElement('button')
  button.type = 'button'
  button.textContent = 'Reload'
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
