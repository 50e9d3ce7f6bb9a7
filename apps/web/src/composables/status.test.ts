import { expect, it } from 'vitest'
import { status, type Situation } from './status'

it.each<[Situation, string]>([
  [{ contact: 'connecting', waiting: 0 }, 'connecting…'],
  [{ contact: 'connecting', waiting: 0, age: 7_200 }, 'connecting…, list as of 2 hours ago'],
  [{ contact: 'connecting', waiting: 2 }, '2 changes waiting'],
  [{ contact: 'connected', waiting: 0, age: 30 }, 'saved'],
  [{ contact: 'connected', waiting: 1 }, 'saving…'],
  [{ contact: 'connected', waiting: 0, elsewhere: 2 }, 'saved here, 2 waiting in other lists'],
  [{ contact: 'connected', waiting: 0, fromMemory: true, age: 12 }, 'saved, perhaps not current'],
  [{ contact: 'connected', waiting: 0, fromMemory: true, age: 60 }, 'saved, perhaps not current, list as of 1 minute ago'],
  [{ contact: 'unreachable', waiting: 0, age: 59 }, 'offline'],
  [{ contact: 'unreachable', waiting: 0, age: 200_000 }, 'offline, list as of 2 days ago'],
  [{ contact: 'unreachable', waiting: 1 }, 'offline, 1 change waiting'],
  [{ contact: 'connecting', editable: false, waiting: 0 }, 'connecting…'],
  [{ contact: 'connected', editable: false, waiting: 0 }, 'up to date'],
  [{ contact: 'connected', editable: false, waiting: 0, fromMemory: true, age: 60 }, 'perhaps not current, list as of 1 minute ago'],
  [{ contact: 'unreachable', editable: false, waiting: 0, age: 7_200 }, 'offline, list as of 2 hours ago'],
  [{ contact: 'connected', editable: false, waiting: 1 }, 'saving…'],
  [{ contact: 'unreachable', waiting: 3 }, 'offline, 3 changes waiting'],
  [{ contact: 'troubled', waiting: 0 }, 'server trouble'],
  [{ contact: 'troubled', waiting: 3, age: 61 }, '3 changes waiting, list as of 1 minute ago'],
])('%o: %s', (situation, text) => expect(status(situation).text).toBe(text))

it('tells the age of what is shown even when it is short', () => {
  expect(status({ contact: 'unreachable', waiting: 0, age: 5 }).detail).toMatch(/What is shown is the list as of 5 seconds ago\.$/)
})

it.each<Situation>([
  { contact: 'connected', waiting: 0, elsewhere: 1 },
  { contact: 'connected', waiting: 1 },
  { contact: 'connected', waiting: 0, fromMemory: true },
])('never says that everything is on the server when it is not known to be: %o', (situation) => {
  expect(status(situation).detail).not.toContain('Everything')
  expect(status(situation).tone).not.toBe('saved')
})
