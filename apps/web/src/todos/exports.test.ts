import { describe, expect, it } from 'vitest'
import { exports, fileName } from './exports'
import { itemsInLines } from './lines'
import type { Todo } from './todo'

const titles = ['bread', 'x-ray', 'xylophone', '1. of May', '- minus', '[ ] box', '☑ done?', 'a # b', '# no heading', '2026-11-29 a day', 'é 🧺', '`code` & <b>', 'two\nlines', 'a\u2028b\r\n c ']
const inOneLine = (title: string) => title.trim().replace(/[\n\r\u2028]+/g, ' ')
const todos = titles.map((title, n): Todo => ({ id: String(n), title, completed: n % 2 === 1, order: n }))

describe('a list that leaves the page', () => {
  it('is Markdown that can be pasted here again', () => {
    const text = exports.markdown.write('Home', todos)
    expect(text).toMatch(/^# Home\n\n- \[ \] bread\n- \[x\] x-ray\n/)
    expect(itemsInLines(text).slice(1)).toEqual(todos.map(({ title, completed }) => ({ title: inOneLine(title), completed })))
  })
  it('is text with an item in each line', () => {
    const plain = todos.filter(({ title }) => /^[a-z]/.test(title))
    const text = exports.text.write('Home', plain)
    expect(text.split('\n')).toHaveLength(plain.length + 1)
    expect(itemsInLines(text)).toEqual(plain.map(({ title, completed }) => ({ title: inOneLine(title), completed })))
  })
  it('is JSON', () => expect(JSON.parse(exports.json.write('Home "1"', todos))).toEqual({ title: 'Home "1"', todos: todos.map(({ title, completed }) => ({ title, completed })) }))
  it('may be empty', () => expect(exports.text.write('Home', [])).toBe(''))
  it.each([['Home', 'Home.md'], ['a/b\\c:d', 'a b c d.md'], ['..', 'todos.md'], ['.git', 'git.md'], ['\n', 'todos.md'], ['x'.repeat(200), `${'x'.repeat(80)}.md`], [`${'x'.repeat(79)}👨‍👩‍👧`, `${'x'.repeat(79)}.md`]])('named %j is the file %s', (name, want) => expect(fileName(name, 'markdown')).toBe(want))
})
