// Uses the site in a browser: node drive.mjs SITE APPS_WEB TITLE [CHROMIUM]
// Writes a todo on one device, sees it on another, and again after a reload.
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const [site, web, title, executablePath] = process.argv.slice(2)
const { chromium } = createRequire(pathToFileURL(`${web}/package.json`))('@playwright/test')

const browser = await chromium.launch({
  executablePath: executablePath || undefined,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
})
const deadline = setTimeout(() => {
  console.error('not done after 180 s')
  process.exit(1)
}, 180_000)
try {
  const address = `${site}/?list=${encodeURIComponent(title)}`
  const first = await (await browser.newContext()).newPage()
  const second = await (await browser.newContext()).newPage()
  await first.goto(address)
  await second.goto(address)
  const input = first.getByPlaceholder('What needs to be done?')
  await input.fill(title)
  await input.press('Enter')
  await second.getByTestId('todo-title').filter({ hasText: title }).waitFor({ timeout: 120_000 })
  await first.reload()
  await first.getByTestId('todo-title').filter({ hasText: title }).waitFor({ timeout: 120_000 })
  console.log('seen on both devices and after a reload')
} finally {
  clearTimeout(deadline)
  await browser.close()
}
