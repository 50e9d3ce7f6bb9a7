/** Tag of the sync event that the service worker gets when the network is back. */
export const syncTag = 'todo-outbox'

/** Background Sync, which TypeScript's types lack because only Chromium has it. */
interface WithSync {
  readonly sync?: { register(tag: string): Promise<void> }
}

/** Asks the browser, if it can, to let the service worker send the waiting changes when the network is back, even without an open page. */
export async function sendInBackground(): Promise<void> {
  try {
    const registration = (await navigator.serviceWorker.getRegistration()) as WithSync | undefined
    await registration?.sync?.register(syncTag)
  } catch {
    // No service worker, or the person has forbidden it: the changes are sent when a page is open.
  }
}
