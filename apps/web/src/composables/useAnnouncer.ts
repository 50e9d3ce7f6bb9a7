import { shallowRef, type ShallowRef } from 'vue'

export interface Announcement {
  readonly id: number
  readonly sentence: string
}

// For screen readers that reach the log later; each sentence is read out when it is added.
const kept = 5

/**
 * The sentences of a log that a screen reader reads out as they are added, the latest last. Those that
 * come at the same time do not replace each other, and the same sentence twice is said twice.
 */
export function useAnnouncer(): { said: ShallowRef<readonly Announcement[]>; announce: (sentence: string) => void } {
  const said = shallowRef<readonly Announcement[]>([])
  let id = 0
  return {
    said,
    announce(sentence) {
      said.value = [...said.value, { id: id++, sentence }].slice(-kept)
    },
  }
}
