import { describe, expect, it } from 'vitest'
import { pieces } from './links'

describe('addresses in a title', () => {
  it.each([
    ['bread', []],
    ['see https://example.com/a?b=c#d.', ['https://example.com/a?b=c#d']],
    ['(http://example.com), HTTPS://EXAMPLE.COM/É!', ['http://example.com', 'HTTPS://EXAMPLE.COM/É']],
    ['https://example.com/a_(b) and "https://example.org"', ['https://example.com/a_(b)', 'https://example.org']],
    ['(see https://example.com/a_(b)), [https://example.com/a[1]], https://example.com/it’s(', ['https://example.com/a_(b)', 'https://example.com/a[1]', 'https://example.com/it’s']],
    ['“https://example.com/é”, «https://example.org/», ‘https://example.net’ 「https://example.jp」。', ['https://example.com/é', 'https://example.org/', 'https://example.net', 'https://example.jp']],
    ['https://example.com/a-_%20#@*/ https://xn--e1afmkfd.xn--p1ai/', ['https://example.com/a-_%20#@*/', 'https://xn--e1afmkfd.xn--p1ai/']],
    [`https://example.com/${')'.repeat(1900)}`, ['https://example.com/']],
    ['javascript:alert(1) data:text/html,x ftp://example.com file:///etc', []],
    ['https:// http://? xhttps://example.com', []],
    ['https://[', []],
  ])('%j', (title, want) => {
    const found = pieces(title)
    expect(found.map(({ text }) => text).join('')).toBe(title)
    expect(found.flatMap(({ address }) => address ?? [])).toEqual(want)
  })
})
