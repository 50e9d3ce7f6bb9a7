import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { expect, test } from './test'

// `make lighthouse`. It is not a test: its scores depend on the machine's load, and its 120 packages serve only this.
test('Lighthouse gives at least 95 in each category', async ({ server, launchOptions }, info) => {
  test.setTimeout(300_000)
  // Every third title takes two lines on a phone.
  await server.add('Casa', Array.from({ length: 200 }, (_, i) => (i % 3 === 0 ? `Ask the neighbours whether they need something from the market as well, ${i}` : `Milk ${i}`)))
  const report = info.outputPath('lighthouse.json')
  const flags = `--headless ${(launchOptions.args ?? []).join(' ')}`
  await promisify(execFile)(
    'npx',
    ['--yes', 'lighthouse@12.8.2', `${server.address}/?list=Casa`, '--output=json', `--output-path=${report}`, '--quiet', `--chrome-flags=${flags}`],
    { env: { ...process.env, ...(launchOptions.executablePath && { CHROME_PATH: launchOptions.executablePath }) } },
  )
  const { categories, environment } = JSON.parse(readFileSync(report, 'utf8')) as { categories: Record<string, { title: string; score: number }>; environment: { benchmarkIndex: number } }
  const scores = Object.values(categories).map(({ title, score }) => [title, Math.round(score * 100)] as const)
  // Chrome's DevTools use 1000 for a mid-tier phone and 264 for a low-tier one; Lighthouse also slows the page down four times.
  console.log(`Speed of this machine by Lighthouse's own measure: ${Math.round(environment.benchmarkIndex)}`)
  for (const [title, score] of scores) console.log(`${title}: ${score}`)
  for (const [title, score] of scores) expect(score, title).toBeGreaterThanOrEqual(95)
})
