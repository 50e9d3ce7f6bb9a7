import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { emptyLogs, searchLogs } from './logs'

/** The program under test: the one built here, unless E2E_BINARY names another. */
export const binary = process.env['E2E_BINARY'] ?? fileURLToPath(new URL('../../../.cache/e2e/todo-api', import.meta.url))

/** Builds the program with the page that `npm run build` has built. Returns the function that Playwright calls at the end. */
export default function build() {
  emptyLogs()
  if (process.env['E2E_BINARY'] !== undefined) return searchLogs
  const service = fileURLToPath(new URL('../../../services/todo-api', import.meta.url))
  execFileSync('go', ['build', '-o', binary, './cmd/todo-api'], { cwd: service, env: { ...process.env, GOWORK: 'off' }, stdio: ['ignore', 'inherit', 'inherit'] })
  return searchLogs
}
