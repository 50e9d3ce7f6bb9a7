import { beginning, cleanTitle, type Todo } from './todo'

/** The forms in which a list leaves the page. Pasted here, Markdown becomes the items that it was made of. */
export const exports = {
  text: { extension: 'txt', type: 'text/plain', write: asText },
  markdown: { extension: 'md', type: 'text/markdown', write: asMarkdown },
  json: { extension: 'json', type: 'application/json', write: asJSON },
} as const

export type Form = keyof typeof exports

// As todo.txt marks items that are done.
function asText(_: string, todos: readonly Todo[]): string {
  return lines(todos.map(({ title, completed }) => `${completed ? 'x ' : ''}${cleanTitle(title)}`))
}

function asMarkdown(name: string, todos: readonly Todo[]): string {
  return lines([`# ${cleanTitle(name)}`, '', ...todos.map(({ title, completed }) => `- [${completed ? 'x' : ' '}] ${cleanTitle(title)}`)])
}

function asJSON(name: string, todos: readonly Todo[]): string {
  return lines([JSON.stringify({ title: name, todos: todos.map(({ title, completed }) => ({ title, completed })) }, null, 2)])
}

function lines(text: readonly string[]): string {
  return text.map((line) => `${line}\n`).join('')
}

/** A name for a file, of a list's title. */
export function fileName(name: string, form: Form): string {
  // What file systems and shells give a meaning, and what would hide the file.
  const plain = name.replace(/[\p{Cc}\\/:*?"<>|]+/gu, ' ').trim().replace(/^\.+/, '')
  return `${beginning(plain, 80).trim() || 'todos'}.${exports[form].extension}`
}
