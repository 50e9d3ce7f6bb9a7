import { describe, expect, it } from 'vitest'
import { accessOf, isOldPrivate, isPrivate, newKey, parseKey } from './listKey'

describe('keys of a private list', () => {
  // The server's tests have the same vectors.
  it.each([
    ['AAAAAAAAAAAAAAAAAAAAAA', 'xlOL0Kbepa-0Yyp5t43zE7LQSu4Qtg3Ujgn1hrwLSgY', 'k-osd3sxfqjmmwr5ddcclbrgosv4eihj7b'],
    ['AAECAwQFBgcICQoLDA0ODw', 'RDIjeNuLTxHwsdvcsuJwUZwdQZ-TCTXXnGuSvzCzNHg', 'k-7hxr4qsjck6lo2fip6h3fnmrcqqfmaja'],
  ])('derives the read key and the name from %s', async (edit, read, list) => {
    expect(await parseKey(edit)).toEqual({ text: edit, access: 'edit', list, readText: read })
    expect(await parseKey(read)).toEqual({ text: read, access: 'read', list, readText: read })
  })

  it('makes keys that open lists of their own', async () => {
    const [one, two] = [await newKey(), await newKey()]
    expect(one.list).not.toBe(two.list)
    for (const key of [one, two]) {
      expect(await parseKey(key.text)).toEqual(key)
      expect(isPrivate(key.list)).toBe(true)
    }
  })

  it.each([
    ['nothing', ''],
    ['too short', 'A'.repeat(21)],
    ['between the two lengths', 'A'.repeat(42)],
    ['too long', 'A'.repeat(44)],
    ['bits beyond the last byte', `${'A'.repeat(21)}B`],
    ['the other alphabet', `${'A'.repeat(20)}+/`],
    ['padding', `${'A'.repeat(22)}==`],
    ['a line end', `${'A'.repeat(22)}\n`],
    ['other letters', `${'A'.repeat(21)}é`],
  ])('refuses what is not a key: %s', async (_, text) => {
    expect(await parseKey(text)).toBeNull()
    expect(accessOf(text)).toBeNull()
  })

  it('tells the names of private lists of the time before keys', async () => {
    const keys = await Promise.all(Array.from({ length: 20 }, newKey))
    expect(keys.every(({ text }) => isOldPrivate(text))).toBe(true)
    expect(['default', 'groceries-for-saturday', 'shopping-list-for-berg', ...keys.flatMap(({ readText, list }) => [readText, list])].filter(isOldPrivate)).toEqual([])
  })

  it('tells private names from others', () => {
    expect(['k-', 'default', `K-${'A'.repeat(32)}`, `k-${'a'.repeat(31)}`, `k-${'a'.repeat(33)}`, `k-${'a'.repeat(31)}1`].filter(isPrivate)).toEqual([])
  })
})
