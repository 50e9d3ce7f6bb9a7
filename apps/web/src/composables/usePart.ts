import { ref, shallowRef, type Ref, type ShallowRef } from 'vue'
import { part } from '@/part'
import { loadPartWords } from '@/words'

export interface Part<T> {
  /** What was loaded, or null before that. */
  loaded: Readonly<ShallowRef<T | null>>
  /** How often it was asked for and there. */
  asked: Readonly<Ref<number>>
  /** Asks for it; loads it the first time, with its words. Throws PartMissing, and tries again when it is called again. */
  ask(): Promise<void>
}

/** A part of the page that is loaded when it is needed. */
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
