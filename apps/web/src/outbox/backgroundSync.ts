/** What the service worker is told when the network is back. */
export const syncTag = 'todo-outbox'

/** Background Sync, which is not among TypeScript's types, because only Chromium has it. */
interface WithSync {
  readonly sync?: { register(tag: string): Promise<void> }
}

/** Has the service worker send what waits as soon as there is a network, even if no page is open then; where the browser can. */
export async function sendInBackground(): Promise<void> {
  try {
    const registration = (await navigator.serviceWorker.getRegistration()) as WithSync | undefined
    await registration?.sync?.register(syncTag)
  } catch {
    // No service worker here, or the person has forbidden it: what waits is sent when a page is open.
  }
}
