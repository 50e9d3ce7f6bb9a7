import { expect } from '@playwright/test'

/**
 * Waits until so many changes to a list wait on disk. A page that is left sooner asks the person whether to lose them, and no
 * test answers that question.
 * @param evaluate gives the value of an expression in the page
 */
export async function kept(evaluate: (expression: string) => Promise<unknown>, list: string, changes: number): Promise<void> {
  await expect.poll(() => evaluate(`new Promise((resolve, reject) => {
    const opening = indexedDB.open('todos')
    opening.onupgradeneeded = () => opening.transaction.abort() // the page makes it
    opening.onerror = () => resolve(0)
    opening.onsuccess = () => {
      const reading = opening.result.transaction('operations').objectStore('operations').index('list').getAll(${JSON.stringify(list)})
      reading.onerror = () => reject(reading.error)
      reading.onsuccess = () => resolve(reading.result.filter(({ state }) => state === 'waiting').length)
      opening.result.close() // once that is done
    }
  })`)).toBe(changes)
}
