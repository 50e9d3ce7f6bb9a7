import { readFileSync } from 'node:fs'
import { describe, expect, it, vi } from 'vitest'
import { maxBatch } from '@/api/batch'
import { addressOf, calledName, maxName, nameIn, nameProblem } from './listName'
import { itemsInLines } from './lines'
import { randomId } from './randomId'
import { cleanTitle, codePoints, maxListTitle, maxTitle, maxTodos, quote, titleProblem } from './todo'

const contract = readFileSync(new URL('../../../../services/todo-api/internal/httpapi/openapi.yaml', import.meta.url), 'utf8')

describe('the limits are those of the contract', () => {
  it.each([
    [`At most ${maxTitle.toLocaleString('en')} code points`, 'Title'],
    [`At most ${maxListTitle} code points`, 'ListTitle'],
    [`maxItems: ${maxTodos}`, 'State'],
    [`maxItems: ${maxBatch.operations}`, 'Batch'],
    [`maxLength: ${maxName}`, 'ListName'],
  ])('%s (%s)', (limit, schema) => {
    const part = new RegExp(`^    ${schema}:\n(?:      .*\n)+`, 'm').exec(contract)?.[0]
    expect(part).toContain(limit)
  })
})

describe('a title', () => {
  it('is trimmed', () => expect(cleanTitle(' \t buy milk \u00a0')).toBe('buy milk'))
  it('is blank when it is white space', () => expect(cleanTitle(' \t\u2003')).toBe(''))
  it('keeps emoji and right-to-left text as they are', () => expect(cleanTitle('👩‍👩‍👧 خبز')).toBe('👩‍👩‍👧 خبز'))
  it('has no half of a surrogate pair', () => expect(cleanTitle('a\ud83d b')).toBe('a\ufffd b'))
  it('is in one line', () => expect(cleanTitle('a\r\nb\u2028c')).toBe('a b c'))
  it('is quoted without what turns the text after it around', () => expect(quote('\u202Eevil\u2069 שלום')).toBe('“evil שלום”'))
  it('is measured in code points', () => expect(codePoints('🍞🍞')).toBe(2))
  it('may have 2,000 of them', () => expect(titleProblem('🍞'.repeat(2000))).toBeNull())
  it('may not have one more', () => expect(titleProblem('🍞'.repeat(2001))).toMatch(/at most 2,000 characters; this one has 2,001/))
  it('is quoted whole up to 40 units', () => expect(quote('x'.repeat(40))).toBe(`“${'x'.repeat(40)}”`))
  it.each([
    ['🍞', 20],
    ['👨‍👩‍👧', 5],
    ['e\u0301\u0323', 13],
    ['🇧🇷', 10],
    ['👍🏽', 10],
    ['क्षि', 10],
    ['x' + '\u0301'.repeat(60), 0],
  ])('is quoted short, never within a character: %s', (character, whole) => expect(quote(character.repeat(60))).toBe(`“${character.repeat(whole)}…”`))
  it('is never cut within a code point where the browser cannot tell characters', () => {
    vi.stubGlobal('Intl', {})
    expect(quote(`x${'🍞'.repeat(60)}`)).toBe(`“x${'🍞'.repeat(19)}…”`)
    vi.unstubAllGlobals()
  })
})

describe('pasted lines', () => {
  const open = (...titles: string[]) => titles.map((title) => ({ title, completed: false }))
  const done = (...titles: string[]) => titles.map((title) => ({ title, completed: true }))
  it.each([
    ['a\nb', open('a', 'b')],
    ['a\r\n\r\n  b  \r\n', open('a', 'b')],
    ['a\u2028b\rc', open('a', 'b', 'c')],
    ['', []],
    ['- [ ] bread\n- [x] milk\n  * [X] salt', [...open('bread'), ...done('milk', 'salt')]],
    ['* bread\n- milk\n+ salt\n• oil', open('bread', 'milk', 'salt', 'oil')],
    ['1. bread\n2) milk\n10. salt', open('bread', 'milk', 'salt')],
    ['☐ bread\n☑ milk\n✅ salt\n☑️ oil\n✔ tea', [...open('bread'), ...done('milk', 'salt', 'oil', 'tea')]],
    ['[ ] bread\n[x] milk', [...open('bread'), ...done('milk')]],
    ['x 2026-11-29 2026-11-01 call Ana @phone\n(A) bread +Sunday', [...done('call Ana @phone'), ...open('(A) bread +Sunday')]],
    ['x milk\nxylophone', [...done('milk'), ...open('xylophone')]],
    ['-5 °C\n3.5 kg flour\n*bold*\n[link](https://example.com)', open('-5 °C', '3.5 kg flour', '*bold*', '[link](https://example.com)')],
    ['- \n1. \n---', open('-', '1.', '---')],
    ['- [ ]\n- bread', open('[ ]', 'bread')],
    ['·\tbread\no\tsalt\no pão\n▪ milk\n– oil\n– 5 eggs\n◦ [x] tea', [...open('bread', 'salt', 'o pão', 'milk', 'oil', '5 eggs'), ...done('tea')]],
    ['○ bread\n◯ milk\n✓\tsalt', [...open('bread', 'milk'), ...done('salt')]],
    ['🍞 bread\n👩‍👩‍👧 خبز', open('🍞 bread', '👩‍👩‍👧 خبز')],
  ])('%j', (text, items) => expect(itemsInLines(text)).toEqual(items))

  it('of a novel are as many items', () => expect(itemsInLines('It was a dark and stormy night.\n'.repeat(50_000))).toHaveLength(50_000))
})

describe('a list is called', () => {
  it.each([
    ['Casa', 'Casa 2026', 'Casa 2026'],
    ['Casa', '', 'Casa'],
    [`k-${'a'.repeat(32)}`, '', 'Private list'],
    [`k-${'a'.repeat(32)}`, 'Party', 'Party'],
  ])('%s with the title %j: %s', (name, title, want) => expect(calledName(name, title)).toBe(want))
})

describe('the name of a list', () => {
  it.each(['default', 'Casa', 'São João 2020', '🛒', 'a'.repeat(128), '...', '🛒'.repeat(128)])('%s is good', (name) => expect(nameProblem(name)).toBeNull())
  it.each([
    ['', /cannot be empty/],
    ['a'.repeat(129), /at most 128 characters; this one has 129/],
    ['a/b', /cannot contain \/ or \\/],
    ['a\\b', /cannot contain \/ or \\/],
    ['a\nb', /control characters/],
    ['a\u0085b', /control characters/],
    ['.', /cannot be \. or \.\./],
    ['..', /cannot be \. or \.\./],
    ['\ud83d', /half of a character/],
  ])('%j is not', (name, why) => expect(nameProblem(name)).toMatch(why))

  it.each(['a b', 'a+b', 'a&b=c', 'São João', '100%', '#1'])('%j survives the address', (name) => expect(nameIn(addressOf(name))).toBe(name))
  it('may be missing from the address', () => expect(nameIn('?other=1')).toBeNull())

  it('is, of a private list, 128 random bits that are a good name', () => {
    const names = new Set(Array.from({ length: 100 }, randomId))
    expect(names.size).toBe(100)
    for (const name of names) {
      expect(name).toMatch(/^[\w-]{22}$/)
      expect(nameProblem(name)).toBeNull()
    }
  })
})
