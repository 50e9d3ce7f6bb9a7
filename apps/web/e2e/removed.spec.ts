import AxeBuilder from '@axe-core/playwright'
import { App, expect, test } from './test'

test('What others deleted is told and undone, and after a reload brought back from the history', async ({ page, app, list, server }) => {
  await server.add(list, ['bread', 'milk', 'salt'])
  await app.open()
  await app.saved()
  await server.delete(list, 'bread')
  const word = page.getByTestId('elsewhere')
  await expect(word).toContainText('1 item deleted elsewhere.')
  await server.delete(list, 'salt')
  await expect(word).toContainText('2 items deleted elsewhere.')
  await word.getByRole('button', { name: 'Undo' }).click()
  await expect(app.titles).toHaveText(['bread', 'milk', 'salt'])
  await expect(word).toBeHidden()
  await app.saved()

  await server.delete(list, 'milk')
  await expect(app.titles).toHaveText(['bread', 'salt'])
  await page.reload()
  await app.saved()
  await page.getByRole('button', { name: 'Recently removed' }).click()
  const panel = page.getByRole('dialog', { name: 'Recently removed' })
  await expect(panel).toContainText('“milk”')
  expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([])
  await panel.getByRole('button', { name: 'Bring back 1 item' }).click()
  await expect(panel).toContainText('Nothing that was removed is missing.')
  await expect(panel.getByRole('status')).toHaveText('Brought back 1 item.')
  await panel.getByRole('button', { name: 'Close' }).click()
  await expect(app.titles).toHaveText(['bread', 'milk', 'salt'])
})

test('The panel says why the history does not come', async ({ page, network, list }) => {
  const app = await new App(page, network.address, list).open()
  await app.saved()
  const panel = page.getByRole('dialog', { name: 'Recently removed' })
  for (const [status, reason] of [[401, 'You may have to sign in again'], [403, 'The server refuses what this page asks: HTTP 403.'], [503, 'The server cannot answer now: HTTP 503.']] as const) {
    network.fault = ({ url }) => (url?.endsWith('/history') ? { status } : 'pass')
    await page.getByRole('button', { name: 'Recently removed' }).click()
    await expect(panel.getByRole('alert')).toContainText(`The history could not be loaded; open this again to try again. ${reason}`)
    await panel.getByRole('button', { name: 'Close' }).click()
  }
  network.fault = () => 'pass'
  await page.getByRole('button', { name: 'Recently removed' }).click()
  await expect(panel).toContainText('Nothing that was removed is missing.')
})

test('What a replacement of the whole list removed is brought back from the history', async ({ page, app, list, server }) => {
  await server.add(list, ['bread', 'salt'])
  await app.open()
  await app.saved()
  const response = await fetch(`${server.address}/api/state/${encodeURIComponent(list)}`, { method: 'PUT', headers: { 'Content-Type': 'application/json' }, body: '[{"id":1,"title":"milk","completed":false}]' })
  expect(response.status).toBe(200)
  await expect(app.titles).toHaveText(['milk'])
  await page.getByRole('button', { name: 'Recently removed' }).click()
  const panel = page.getByRole('dialog', { name: 'Recently removed' })
  await panel.getByRole('button', { name: 'Bring back 2 items' }).click()
  await expect(panel).toContainText('Nothing that was removed is missing.')
  await panel.getByRole('button', { name: 'Close' }).click()
  await app.saved()
  expect((await server.todos(list)).map(({ title }) => title).sort()).toEqual(['bread', 'milk', 'salt'])
})
