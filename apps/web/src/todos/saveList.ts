import { exports, fileName, type Form } from './exports'
import type { Todo } from './todo'

/** Downloads a list as a file. */
export function saveList(title: string, todos: readonly Todo[], form: Form): void {
  const { type, write } = exports[form]
  const address = URL.createObjectURL(new Blob([write(title, todos)], { type: `${type};charset=utf-8` }))
  Object.assign(document.createElement('a'), { href: address, download: fileName(title, form) }).click()
  setTimeout(() => URL.revokeObjectURL(address), 60_000) // the browser reads it later
}
