import { describe, expect, it } from 'vitest'
import { firstKnown, languages } from '.'
import { en } from './en'
import { formats } from './formats'
import { enParts } from './parts/en'
import { ptBRParts } from './parts/pt-BR'
import { ptBR } from './pt-BR'

describe('the language', () => {
  it.each<[string[], string]>([
    [['pt-BR', 'en'], 'pt-BR'],
    [['pt-PT'], 'pt-BR'],
    [['PT'], 'pt-BR'],
    [['de-AT', 'en-GB', 'pt'], 'en'],
    [['de', 'ja'], 'en'],
    [['ptx', 'e'], 'en'],
    [[], 'en'],
  ])('of a browser that wants %j is %s', (wanted, want) => expect(firstKnown(wanted)).toBe(want))
})

describe('formats', () => {
  it.each([
    ['en', 0, '0 items'],
    ['en', 1, '1 item'],
    ['en', 1234, '1,234 items'],
    ['pt-BR', 0, '0 item'],
    ['pt-BR', 1, '1 item'],
    ['pt-BR', 1234, '1.234 items'],
    ['pt-BR', 1_000_000, '1.000.000 items'],
  ])('%s has %d as %s', (language, n, want) => expect(formats(language).plural(n, { one: '# item', other: '# items' })).toBe(want))

  it.each(Object.keys(languages))('in %s counts as Intl does', (language) => {
    const numbers = new Intl.NumberFormat(language)
    for (let n = 0; n <= 1100; n++) expect(formats(language).number(n)).toBe(numbers.format(n))
  })
})

it.each([
  [0, '0 seconds ago', 'há 0 segundo'],
  [59, '59 seconds ago', 'há 59 segundos'],
  [60, '1 minute ago', 'há 1 minuto'],
  [7_300, '2 hours ago', 'há 2 horas'],
  [200_000, '2 days ago', 'há 2 dias'],
])('%d seconds are %s, %s', (seconds, english, portuguese) => {
  expect(formats('en').ago(seconds)).toBe(english)
  expect(formats('pt-BR').ago(seconds)).toBe(portuguese)
})

describe('no sentence was left in English', () => {
  // Equal in both languages.
  const same = new Set(['Markdown', 'JSON', '', '.', '2']) // the last is what `when` makes of a word that is not a time
  const sentences = (words: unknown, at: string): [string, string][] => {
    if (typeof words === 'string') return [[at, words]]
    if (typeof words === 'function') return sentences((words as (...values: unknown[]) => unknown)(2, 3, 4), `${at}()`)
    return Object.entries(words as object).flatMap(([name, value]) => sentences(value, `${at}.${name}`))
  }
  const portuguese = new Map(sentences([ptBR, ptBRParts], ''))
  it.each(sentences([en, enParts], ''))('%s: %s', (at, sentence) => {
    if (!same.has(sentence)) expect(portuguese.get(at)).not.toBe(sentence)
  })
})
