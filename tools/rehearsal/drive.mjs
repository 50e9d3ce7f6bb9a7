// Uses the site in a browser: node drive.mjs SITE APPS_WEB TITLE [CHROMIUM]
// Signs in on two devices, writes a todo on one, sees it on the other, and again after a reload.
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
  const signedIn = async (name) => {
    // The issuer's certificate is of the rehearsal's own CA, which only tasks and playbooks trust.
    const page = await (await browser.newContext({ ignoreHTTPSErrors: true })).newPage()
    await page.goto(address)
    await page.getByRole('button', { name: 'Sign in' }).first().click()
    await page.getByPlaceholder('Enter any login').fill(name)
    await page.getByPlaceholder('and password').fill('any')
    await page.getByRole('button', { name: 'Sign-in' }).click()
    await page.getByRole('button', { name: 'Continue' }).click()
    await page.getByText(`Signed in as ${name}.`).waitFor()
    return page
  }
  const first = await signedIn('Ann')
  const second = await signedIn('Ben')
  const input = first.getByPlaceholder('What needs to be done?')
  await input.fill(title)
  await input.press('Enter')
  await second.getByTestId('todo-title').filter({ hasText: title }).waitFor({ timeout: 120_000 })
  await first.reload()
  await first.getByTestId('todo-title').filter({ hasText: title }).waitFor({ timeout: 120_000 })
  console.log('signed in; seen on both devices and after a reload')
} finally {
  clearTimeout(deadline)
  await browser.close()
}
