import { readFileSync } from 'node:fs'
import type { BrowserContext, Page } from '@playwright/test'
import { keepSecret } from './logs'
import type { Server } from './server'
import { App, expect, test } from './test'

/** Returns the key in a link, which must not be in any log at the end of the run. */
function keyIn(link: string): string {
  const key = /[#&]key=([\w-]+)$/.exec(link)?.[1] ?? ''
  keepSecret(key)
  return key
}

/** Creates a private list, and returns the links to edit and to read it. */
async function makeList(page: Page, server: Server): Promise<{ app: App; edit: string; read: string; name: string }> {
  await page.goto(server.address)
  await page.getByRole('button', { name: 'New private list' }).click()
  await page.waitForURL(/\?list=k-[a-z2-7]{32}#.*key=[\w-]{22}$/)
  await page.getByRole('button', { name: 'Share' }).click()
  const edit = await page.getByLabel('Link to edit').inputValue()
  const read = await page.getByLabel('Link to look').inputValue()
  await page.getByRole('button', { name: 'Close' }).click()
  keyIn(edit)
  keyIn(read)
  const name = new URL(edit).searchParams.get('list') ?? ''
  return { app: new App(page, server.address, name), edit, read, name }
}

async function visit(context: BrowserContext, server: Server, link: string): Promise<App> {
  const page = await context.newPage()
  await page.goto(link)
  return new App(page, server.address, new URL(link).searchParams.get('list') ?? '')
}

test('One edits a private list while another, with the link to look, sees it live', async ({ page, own, browser }) => {
  const { app, edit, read } = await makeList(page, own)
  expect(keyIn(edit)).toHaveLength(22)
  expect(keyIn(read)).toHaveLength(43)
  expect(await page.title()).not.toContain(keyIn(edit))
  await app.add('bread', 'salt')
  await app.toggle(1).check()
  await app.saved()

  const context = await browser.newContext()
  const reader = await visit(context, own, read)
  await expect(reader.titles).toHaveText(['bread', 'salt'])
  await expect(reader.page.getByTestId('looking')).toBeVisible()
  await expect(reader.toggle(1)).toBeChecked()
  // Only controls that change nothing on the server are enabled.
  await expect(reader.newTodo).toHaveCount(0)
  await expect(reader.toggleAll).toHaveCount(0)
  await expect(reader.clearCompleted).toBeHidden()
  await expect(reader.main.getByRole('button')).toHaveCount(0)
  for (const box of await reader.main.getByRole('checkbox').all()) await expect(box).toBeDisabled()
  await reader.titles.first().dblclick()
  await expect(reader.edit(0)).toHaveCount(0)
  await reader.page.keyboard.press('Control+z')
  await reader.page.keyboard.press('/')

  await app.add('milk')
  await app.toggle(0).check()
  await expect(reader.titles).toHaveText(['bread', 'salt', 'milk'])
  await expect(reader.toggle(0)).toBeChecked()
  await reader.filter('Active').click()
  await expect(reader.titles).toHaveText(['milk'])
  await reader.page.reload()
  await expect(reader.titles).toHaveText(['milk'])

  // A reader can only share the link to read.
  await reader.page.getByRole('button', { name: 'Share' }).click()
  await expect(reader.page.getByLabel('Link to look')).toHaveValue(read)
  await expect(reader.page.getByLabel('Link to edit')).toHaveCount(0)
  await context.close()
})

test('A reader without the right to edit reads the list offline as well', async ({ page, own, browser }) => {
  const { app, read, name } = await makeList(page, own)
  await app.add('bread')
  await app.saved()
  const context = await browser.newContext()
  const reader = await visit(context, own, read)
  await expect(reader.titles).toHaveText(['bread'])
  await reader.page.evaluate(() => navigator.serviceWorker.ready)
  await reader.page.reload()
  await expect(reader.titles).toHaveText(['bread'])
  await own.kill()
  // By its name: the device has stored the key.
  await reader.page.goto(`${own.address}/?list=${name}`)
  await expect(reader.titles).toHaveText(['bread'])
  await expect(reader.status).toHaveText(/^offline/)
  await expect(reader.newTodo).toHaveCount(0)
  await context.close()
})

test('A second person with the link to edit edits, and what waits for the list is sent from another one', async ({ page, own, browser }) => {
  const { app, edit, name } = await makeList(page, own)
  const context = await browser.newContext()
  const friend = await visit(context, own, edit)
  await friend.add('from the friend')
  await expect(app.titles).toHaveText(['from the friend'])
  await friend.page.evaluate(() => navigator.serviceWorker.ready)
  await friend.page.reload()
  await expect(friend.titles).toHaveText(['from the friend'])
  await own.kill()
  await friend.add('offline')
  await expect(friend.status).toHaveText(/^offline, 1 change waiting/)
  await friend.kept(1)
  await friend.page.goto(`${own.address}/?list=other`)
  await own.start()
  await expect(app.titles).toHaveText(['from the friend', 'offline'])
  await friend.page.locator(`a[href*="${name}"]`).click()
  await expect(friend.titles).toHaveText(['from the friend', 'offline'])
  expect(keyIn(friend.page.url())).toBe(keyIn(edit))
  await context.close()
})

test('An address without the key, with half of it, or with another one opens nothing and says so', async ({ page, own, browser }) => {
  const { edit, name } = await makeList(page, own)
  const context = await browser.newContext()
  const stranger = await context.newPage()
  const seen: string[] = []
  stranger.on('request', (request) => seen.push(request.url()))
  await stranger.goto(`${own.address}/?list=${name}`)
  await expect(stranger.locator('.no-list')).toContainText('this address has no key')
  await stranger.goto(edit.slice(0, -1)) // only the fragment differs: the page reloads itself
  await expect(stranger.locator('.no-list')).toContainText('not complete')
  // The whole link, in the address bar of the same tab.
  await stranger.evaluate((link) => location.assign(link), edit)
  await expect(stranger.getByPlaceholder('What needs to be done?')).toBeVisible()
  expect(seen.filter((address) => address.includes(keyIn(edit)))).toEqual([])
  await context.close()
})

test('A new key moves the list to a new address and closes the old links', async ({ page, own, browser }) => {
  const { app, edit, read, name } = await makeList(page, own)
  await app.add('bread', 'salt')
  await app.toggle(1).check()
  await app.saved()
  const context = await browser.newContext()
  const reader = await visit(context, own, read)
  await expect(reader.titles).toHaveText(['bread', 'salt'])
  const friends = await browser.newContext()
  const friend = await visit(friends, own, edit)
  await friend.add('eggs')
  await expect(app.titles).toHaveText(['bread', 'salt', 'eggs'])

  await page.getByRole('button', { name: 'Share' }).click()
  await page.getByRole('button', { name: 'Make a new key' }).click()
  await expect(page.getByText('The list is at a new address now')).toBeVisible()
  await expect(app.titles).toHaveText(['bread', 'salt', 'eggs'])
  await expect(app.toggle(1)).toBeChecked()
  expect(page.url()).not.toContain(name)
  expect(page.url()).not.toContain('moved')
  keyIn(page.url())
  await app.add('milk')
  await app.saved()
  await expect(reader.titles).toHaveCount(0)
  await reader.page.reload()
  await expect(reader.titles).toHaveCount(0)

  // A page that still shows the old list must not fill it again.
  await expect(friend.page.getByText('This list was erased')).toBeVisible()
  await expect(friend.page.getByRole('button', { name: 'Undo' })).toHaveCount(0)
  await friend.page.getByRole('heading', { level: 1 }).click() // out of the field, where Ctrl+Z is the browser's
  await friend.page.keyboard.press('Control+z')
  await expect(friend.announcer.last()).toHaveText('There is nothing to undo.')
  await expect(friend.items).toHaveCount(0)
  const download = friend.page.waitForEvent('download')
  await friend.page.getByRole('button', { name: 'Save a copy' }).click()
  expect(await (await download).path().then((path) => readFileSync(path, 'utf8'))).toContain('- [x] salt\n- [ ] eggs\n')
  await friends.close()

  await page.goto(own.address)
  await expect(page.getByRole('navigation', { name: 'Other lists' }).getByRole('link')).toHaveCount(1)
  await page.getByRole('navigation', { name: 'Other lists' }).getByRole('link').click()
  await expect(app.titles).toHaveText(['bread', 'salt', 'eggs', 'milk'])
  await context.close()
})

test('A private list of the time before keys opens as before, and moves to one with a key by one press', async ({ page, own }) => {
  const name = 'Zq3xW0m5uY7pR2sT9vA1bg'
  keepSecret(name)
  await own.add(name, ['bread'])
  const app = await new App(page, own.address, name).open()
  await expect(app.titles).toHaveText(['bread'])
  await app.add('salt')
  await app.saved()
  await page.getByRole('button', { name: 'Move to a list with a key' }).click()
  await expect(page.getByText('The list is at a new address now')).toBeVisible()
  expect(keyIn(page.url())).toHaveLength(22)
  await expect(app.titles).toHaveText(['bread', 'salt'])
  expect(await own.todos(name)).toEqual([])
  expect((await (await fetch(own.url(name).replace(/todos$/, 'history'))).json()) as object).toMatchObject({ entries: [] })
})

test('A list that cannot be moved stays, and the page says so', async ({ page, network, server }) => {
  const name = 'Aq3xW0m5uY7pR2sT9vA1bw'
  keepSecret(name)
  await server.add(name, ['bread'])
  const app = await new App(page, network.address, name).open()
  await app.saved()
  network.fault = ({ method }) => (method === 'DELETE' ? { status: 503 } : 'pass')
  await page.getByRole('button', { name: 'Move to a list with a key' }).click()
  await expect(page.getByText('The list was not moved, and nothing is lost.')).toBeVisible()
  await expect(app.titles).toHaveText(['bread'])
  network.fault = () => 'pass'
  await page.getByRole('button', { name: 'Move to a list with a key' }).click()
  await expect(page.getByText('The list is at a new address now')).toBeVisible()
  await expect(app.titles).toHaveText(['bread'])
  keyIn(page.url())
})

test('Where the part that reads keys does not come, the page says so, and opens the list when it is asked again', async ({ page, network, own, browser }) => {
  const missing = page.getByText('This part of the page could not be loaded.')
  network.fault = ({ url }) => (url?.startsWith('/assets/hash-') ? { status: 404 } : 'pass')
  await page.goto(network.address)
  await page.getByRole('button', { name: 'New private list' }).click()
  await expect(missing).toBeVisible()
  network.fault = () => 'pass'
  await page.getByRole('button', { name: 'New private list' }).click()
  await page.waitForURL(/\?list=k-/)

  const { edit } = await makeList(page, own)
  const other = await browser.newPage()
  network.fault = ({ url }) => (url?.startsWith('/assets/hash-') ? { status: 404 } : 'pass')
  await other.goto(edit.replace(own.address, network.address))
  await expect(other.getByText('This part of the page could not be loaded.')).toBeVisible()
  network.fault = () => 'pass'
  await other.getByRole('button', { name: 'Reload' }).click()
  await expect(other.getByTestId('status')).toHaveText(/^saved\./)
  await other.close()
})
