import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { maxBatch } from '@/api/client'
import { maxName, nameProblem, addressOf, nameIn, privateName } from './listName'
import { cleanTitle, codePoints, maxTitle, maxTodos, quote, titleProblem, titlesInLines } from './todo'

const contract = readFileSync(new URL('../../../../services/todo-api/internal/httpapi/openapi.yaml', import.meta.url), 'utf8')

describe('the limits are those of the contract', () => {
  it.each([
    [`At most ${maxTitle.toLocaleString('en')} code points`, 'Title'],
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
  it('is measured in code points', () => expect(codePoints('🍞🍞')).toBe(2))
  it('may have 2,000 of them', () => expect(titleProblem('🍞'.repeat(2000))).toBeNull())
  it('may not have one more', () => expect(titleProblem('🍞'.repeat(2001))).toMatch(/at most 2,000 characters; this one has 2,001/))
  it('is quoted short', () => expect(quote('🍞'.repeat(60))).toBe(`“${'🍞'.repeat(39)}…”`))
})

describe('pasted lines', () => {
  it.each([
    ['a\nb', ['a', 'b']],
    ['a\r\n\r\n  b  \r\n', ['a', 'b']],
    ['a\u2028b\rc', ['a', 'b', 'c']],
    ['', []],
  ])('%j', (text, titles) => expect(titlesInLines(text)).toEqual(titles))
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
    const names = new Set(Array.from({ length: 100 }, privateName))
    expect(names.size).toBe(100)
    for (const name of names) {
      expect(name).toMatch(/^[\w-]{22}$/)
      expect(nameProblem(name)).toBeNull()
    }
  })
})
