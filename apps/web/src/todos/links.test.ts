import { describe, expect, it } from 'vitest'
import { pieces } from './links'

describe('addresses in a title', () => {
  it.each([
    ['bread', []],
    ['see https://example.com/a?b=c#d.', ['https://example.com/a?b=c#d']],
    ['(http://example.com), HTTPS://EXAMPLE.COM/É!', ['http://example.com', 'HTTPS://EXAMPLE.COM/É']],
    ['https://example.com/a_(b) and "https://example.org"', ['https://example.com/a_(b', 'https://example.org']],
    ['javascript:alert(1) data:text/html,x ftp://example.com file:///etc', []],
    ['https:// http://? xhttps://example.com', []],
    ['https://[', []],
  ])('%j', (title, want) => {
    const found = pieces(title)
    expect(found.map(({ text }) => text).join('')).toBe(title)
    expect(found.flatMap(({ address }) => address ?? [])).toEqual(want)
  })
})
