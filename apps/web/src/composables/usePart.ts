import { ref, shallowRef, type Ref, type ShallowRef } from 'vue'
import { part } from '@/part'
import { loadPartWords } from '@/words'

export interface Part<T> {
  /** The loaded part, or null before that. */
  loaded: Readonly<ShallowRef<T | null>>
  /** Number of successful calls of `ask`. */
  asked: Readonly<Ref<number>>
  /** Loads the part and its words at the first call. Throws PartMissing; another call tries again. */
  ask(): Promise<void>
}

/** Returns a part of the page that is loaded at its first use. */
export function usePart<T>(load: () => Promise<T>): Part<T> {
  const loaded = shallowRef<T | null>(null)
  const asked = ref(0)
  return {
    loaded,
    asked,
    async ask() {
      loaded.value ??= (await part(Promise.all([load(), loadPartWords()])))[0]
      asked.value++
    },
  }
}
