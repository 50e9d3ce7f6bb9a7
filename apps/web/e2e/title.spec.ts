import AxeBuilder from '@axe-core/playwright'
import { App, expect, test } from './test'

test('A list is given a title, by keyboard, and others see it live', async ({ page, app, list, browser }) => {
  const heading = page.getByRole('heading', { level: 1 })
  await app.open()
  await app.saved()
  await expect(heading).toHaveText('todos')
  const friend = await browser.newPage()
  await friend.goto(app.address)
  await page.getByRole('button', { name: 'Name this list' }).click()
  const field = page.getByRole('textbox', { name: 'Title of this list' })
  await expect(field).toBeFocused()
  expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([])

  await field.fill('x'.repeat(10_000))
  await field.press('Enter')
  await expect(page.getByRole('alert').filter({ hasText: 'at most 200 characters; this one has 10,000' })).toBeVisible()
  await expect(field).toHaveValue('x'.repeat(10_000))
  await field.fill('  Festa de São João 🔥 ')
  await field.press('Enter')
  await expect(heading).toHaveText('Festa de São João 🔥')
  await expect(page.getByRole('button', { name: 'Name this list' })).toBeFocused()
  await expect(page).toHaveTitle('Festa de São João 🔥 · todos')
  await expect(friend.getByRole('heading', { level: 1 })).toHaveText('Festa de São João 🔥')
  await friend.close()

  await page.getByRole('button', { name: 'Name this list' }).click()
  await field.fill('another')
  await field.press('Escape')
  await expect(heading).toHaveText('Festa de São João 🔥')
  await page.keyboard.press('Control+z')
  await expect(heading).toHaveText('todos')
  await expect(page).toHaveTitle(`${list} · todos`)
})

test('A title of two lines fits at 320 px', async ({ page, network, app, list, server }) => {
  await page.setViewportSize({ width: 320, height: 700 })
  await fetch(server.url(list).replace(/\/todos$/, ''), { method: 'PATCH', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ title: 'Presentes para o aniversário da vovó e do vovô, que fazem setenta anos '.repeat(2).trim() }) })
  await new App(page, network.address, list).open()
  await app.saved()
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(/^Presentes/)
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(320)
  const { y = -1, height = 0 } = (await page.getByRole('heading', { level: 1 }).boundingBox()) ?? {}
  const bar = await page.locator('.listbar').boundingBox()
  expect(y).toBeGreaterThanOrEqual((bar?.y ?? 0) + (bar?.height ?? 0) - 1)
  expect(y + height).toBeLessThanOrEqual((await app.newTodo.boundingBox())?.y ?? 0)
})

for (const [button, want] of [['Use “Ours”', 'Ours'], ['Keep “Theirs”', 'Theirs']] as const) {
  test(`Both titles are offered after two people have named the list: ${button}`, async ({ page, network, server, list }) => {
    const app = await new App(page, network.address, list).open()
    await app.saved()
    network.fault = ({ url }) => (url?.endsWith('/batch') ? { status: 503, headers: { 'Retry-After': '1' } } : 'pass')
    await page.getByRole('button', { name: 'Name this list' }).click()
    await page.getByLabel('Title of this list').fill('Ours')
    await page.keyboard.press('Enter')
    await app.kept(1)
    await fetch(server.url(list).replace(/\/todos$/, ''), { method: 'PATCH', headers: { 'Content-Type': 'application/json' }, body: '{"title":"Theirs"}' })
    network.fault = () => 'pass'
    const notice = page.getByRole('alert').filter({ hasText: 'was renamed to “Theirs” elsewhere, while you renamed it to “Ours”' })
    await notice.getByRole('button', { name: button }).click()
    await expect(notice).toBeHidden()
    await app.saved()
    await expect(page.getByRole('heading', { level: 1 })).toHaveText(want)
    await page.reload()
    await expect(page.getByRole('heading', { level: 1 })).toHaveText(want)
  })
}
