import { ref, type Ref } from 'vue'
import { scopeSignal } from './scopeSignal'
import type { Filter } from '@/todos/filter'
import { readFragment } from '@/todos/fragment'

/** Returns the filter in the address, as it changes. */
export function useFilter(): Readonly<Ref<Filter>> {
  const filter = ref(readFragment(location.hash).filter)
  window.addEventListener('hashchange', () => (filter.value = readFragment(location.hash).filter), { signal: scopeSignal() })
  return filter
}
