import { expect } from '@playwright/test'

/**
 * Waits until the given number of changes to a list wait on disk. A page that is left before asks the person whether to lose them, and no
 * test answers that question.
 * @param evaluate returns the value of an expression in the page
 */
export async function kept(evaluate: (expression: string) => Promise<unknown>, list: string, changes: number): Promise<void> {
  await expect.poll(() => evaluate(`new Promise((resolve, reject) => {
    const opening = indexedDB.open('todos')
    opening.onupgradeneeded = () => opening.transaction.abort() // the page creates it
    opening.onerror = () => resolve(0)
    opening.onsuccess = () => {
      const reading = opening.result.transaction('operations').objectStore('operations').index('list').getAll(${JSON.stringify(list)})
      reading.onerror = () => reject(reading.error)
      reading.onsuccess = () => resolve(reading.result.filter(({ state }) => state === 'waiting').length)
      opening.result.close() // after the request
    }
  })`)).toBe(changes)
}
