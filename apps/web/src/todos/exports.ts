import { beginning, cleanTitle, type Todo } from './todo'

/** Formats in which a list can be saved. Markdown pasted into the page becomes the same items. */
export const exports = {
  text: { extension: 'txt', type: 'text/plain', write: asText },
  markdown: { extension: 'md', type: 'text/markdown', write: asMarkdown },
  json: { extension: 'json', type: 'application/json', write: asJSON },
} as const

export type Form = keyof typeof exports

// The mark of completed items in todo.txt.
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

/** Returns a file name made from a list's title. */
export function fileName(name: string, form: Form): string {
  // Characters with a meaning in file systems and shells, and a leading dot, which hides the file.
  const plain = name.replace(/[\p{Cc}\\/:*?"<>|]+/gu, ' ').trim().replace(/^\.+/, '')
  return `${beginning(plain, 80).trim() || 'todos'}.${exports[form].extension}`
}
