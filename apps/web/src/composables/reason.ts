import { signIn } from '@/api/signIn'
import type { Trouble } from '@/api/trouble'
import { sentence } from '@/todos/sentence'
import { words } from '@/words'

/** Explains a failed request to the person, in a sentence or two. */
export function reasonOf({ kind, code, message }: Trouble): string {
  const { trouble: say } = words.value
  switch (kind) {
    case 'unreachable':
      return say.unreachable
    case 'busy':
      return say.busy(message && sentence(message))
    case 'refused':
      if (code === 'keyed-lists-only') return say.keyedOnly
      if (code === 'reading-key') return say.readingKey
      if (code === 'key-required' || code === 'wrong-key') return say.wrongKey
      return say.refused(sentence(message))
    case 'signin':
      if (code === 'no-storage') return say.noStorage
      return signIn.value ? say.ownSignIn : say.signIn
    case 'unreadable':
      return say.unreadable(message)
  }
}
