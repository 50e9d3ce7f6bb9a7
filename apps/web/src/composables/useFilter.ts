import { onScopeDispose, ref, type Ref } from 'vue'
import { filterOf, type Filter } from '@/todos/filter'

/** The filter that the address names, as it changes. */
export function useFilter(): Readonly<Ref<Filter>> {
  const filter = ref(filterOf(location.hash))
  const onChange = () => (filter.value = filterOf(location.hash))
  window.addEventListener('hashchange', onChange)
  onScopeDispose(() => window.removeEventListener('hashchange', onChange))
  return filter
}
