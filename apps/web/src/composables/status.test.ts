import { expect, it } from 'vitest'
import { status } from './status'

it.each([
  ['connecting', 0, 'connecting…'],
  ['connecting', 2, '2 changes waiting'],
  ['connected', 0, 'saved'],
  ['connected', 1, 'saving…'],
  ['unreachable', 0, 'offline'],
  ['unreachable', 1, 'offline, 1 change waiting'],
  ['unreachable', 3, 'offline, 3 changes waiting'],
  ['troubled', 0, 'server trouble'],
  ['troubled', 3, '3 changes waiting'],
] as const)('%s with %i waiting: %s', (contact, waiting, text) => {
  expect(status(contact, waiting).text).toBe(text)
})

it('never says saved without a word while the server answers from memory', () => {
  expect(status('connected', 0, 12)).toMatchObject({ text: 'saved, perhaps not current', tone: 'away' })
})

it('never says that everything is saved while changes of other lists wait', () => {
  expect(status('connected', 0, null, 2)).toMatchObject({ text: 'saved here, 2 waiting in other lists', tone: 'busy' })
})
