import { vi } from 'vitest'

/** Waits until `check` no longer throws: long, because a machine may be busy with other things. */
export function eventually<T>(check: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(check, { timeout: 30_000 })
}
