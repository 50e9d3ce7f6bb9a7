import { appendFileSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

// The logs of a run's servers, and the secrets that they must not have. Playwright's workers write them; the end of the run reads them.
const directory = fileURLToPath(new URL('results/logs/', import.meta.url))
const secrets = `${directory}secrets`

/** Deletes the logs and secrets of the last run. */
export function emptyLogs() {
  rmSync(directory, { recursive: true, force: true })
  mkdirSync(directory, { recursive: true })
}

/** Stores a server's log. */
export function keepLog(port: number, text: string) {
  appendFileSync(`${directory}${port}.log`, text)
}

/** Stores a key, or the secret name of a plain list. */
export function keepSecret(secret: string) {
  if (secret.length < 22) throw new Error('not a secret')
  appendFileSync(secrets, `${secret}\n`)
}

/** Throws if a log has one of the secrets in any likely encoding. */
export function searchLogs() {
  const files = readdirSync(directory)
  const noted = files.includes('secrets') ? readFileSync(secrets, 'utf8').trim().split('\n') : []
  let lines = 0
  for (const file of files.filter((name) => name.endsWith('.log'))) {
    const log = readFileSync(directory + file, 'utf8')
    lines += log.split('\n').length - 1
    for (const secret of noted) {
      for (const form of [secret, encodeURIComponent(secret), Buffer.from(secret, 'base64url').toString('hex')]) {
        if (log.includes(form)) throw new Error(`${file} has a key or the name of a private list: ${form}`)
      }
    }
  }
  if (noted.length > 0 && lines === 0) throw new Error('there is no log to search')
  console.log(`${lines} lines of log searched for ${noted.length} keys and names of private lists: none found`)
}
