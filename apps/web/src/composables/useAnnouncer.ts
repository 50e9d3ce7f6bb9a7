import { shallowRef, type ShallowRef } from 'vue'

export interface Announcement {
  readonly id: number
  readonly sentence: string
}

// For people who read the log later; each sentence is announced when it is added.
const kept = 5

/**
 * A log whose sentences a screen reader announces as they are added, latest last. Sentences that
 * are added at the same time do not replace each other, and a repeated sentence is announced again.
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
