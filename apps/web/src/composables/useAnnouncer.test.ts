import { expect, it } from 'vitest'
import { useAnnouncer } from './useAnnouncer'

it('keeps sentences that come at the same time, the same one twice too, and only the latest', () => {
  const { said, announce } = useAnnouncer()
  announce('Added “bread”.')
  announce('Connected.')
  announce('Connected.')
  expect(said.value.map(({ sentence }) => sentence)).toEqual(['Added “bread”.', 'Connected.', 'Connected.'])
  expect(new Set(said.value.map(({ id }) => id)).size).toBe(3)
  for (const sentence of ['a', 'b', 'c', 'd', 'e']) announce(sentence)
  expect(said.value.map(({ sentence }) => sentence)).toEqual(['a', 'b', 'c', 'd', 'e'])
})
