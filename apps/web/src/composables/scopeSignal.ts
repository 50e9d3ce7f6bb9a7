import { onScopeDispose } from 'vue'

/** Returns a signal that is aborted when the scope it is called in ends, for listeners. */
export function scopeSignal(): AbortSignal {
  const ending = new AbortController()
  onScopeDispose(() => ending.abort())
  return ending.signal
}
