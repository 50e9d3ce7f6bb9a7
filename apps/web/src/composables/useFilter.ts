import { onScopeDispose, ref, type Ref } from 'vue'
import type { Filter } from '@/todos/filter'
import { readFragment } from '@/todos/fragment'

/** The filter that the address names, as it changes. */
export function useFilter(): Readonly<Ref<Filter>> {
  const filter = ref(readFragment(location.hash).filter)
  const onChange = () => (filter.value = readFragment(location.hash).filter)
  window.addEventListener('hashchange', onChange)
  onScopeDispose(() => window.removeEventListener('hashchange', onChange))
  return filter
}
