import { nextTick, ref, type Ref } from 'vue'

/** A live region's text. The same sentence twice is said twice. */
export function useAnnouncer(): { text: Ref<string>; announce: (sentence: string) => void } {
  const text = ref('')
  return {
    text,
    announce(sentence) {
      text.value = ''
      void nextTick(() => (text.value = sentence))
    },
  }
}
