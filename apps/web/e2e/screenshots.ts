import { fileURLToPath } from 'node:url'
import { App, expect, test } from './test'

// The pictures of docs/images: `make screenshots`.
const file = (name: string) => fileURLToPath(new URL(`../../../docs/images/${name}.png`, import.meta.url))
const week = ['Bread, the dark one', 'Milk', 'Tomatoes for Sunday', 'Ask Ana about the picnic 🧺', 'Batteries']

test.use({ viewport: { width: 900, height: 720 }, deviceScaleFactor: 2 })
test.beforeEach(({ page }) => page.emulateMedia({ reducedMotion: 'reduce' }))

test('start', async ({ page, server }) => {
  await page.goto(server.address)
  const app = new App(page, server.address, 'default')
  await app.saved()
  await page.screenshot({ path: file('page-start') })
})

test('list', async ({ page, server }) => {
  await server.add('Casa', week)
  await server.change('Casa', 'Milk', { completed: true })
  const app = await new App(page, server.address, 'Casa').open()
  await app.saved()
  await app.item(2).hover()
  await page.screenshot({ path: file('page-list') })
})

test('changed meanwhile', async ({ page, server }) => {
  await server.add('Flat 4', week)
  const app = await new App(page, server.address, 'Flat 4').open()
  await app.titles.nth(0).dblclick()
  await app.edit(0).fill('Bread, two of the dark ones')
  await server.change('Flat 4', 'Bread, the dark one', { title: 'Bread and rolls' })
  await expect(app.item(0)).toContainText('Someone has changed')
  await page.screenshot({ path: file('page-changed-meanwhile') })
})

test('load trouble', async ({ page, network, server }) => {
  await server.add('Attic', week)
  network.fault = (request) => (request.url?.startsWith('/api/') ? { status: 503, headers: { 'Retry-After': '30' }, body: '{"detail":"The store does not answer."}' } : 'pass')
  await new App(page, network.address, 'Attic').open()
  await expect(page.getByTestId('load-trouble')).toBeVisible()
  await page.screenshot({ path: file('page-load-trouble') })
})

test.describe('on a telephone', () => {
  test.use({ viewport: { width: 360, height: 720 }, hasTouch: true, isMobile: true })

  test('offline, in the dark', async ({ page, network, server }) => {
    await page.emulateMedia({ colorScheme: 'dark', reducedMotion: 'reduce' })
    await server.add('Train', week)
    await server.change('Train', 'Milk', { completed: true })
    const app = await new App(page, network.address, 'Train').open()
    await app.saved()
    await network.stop()
    await app.add('Timetable for the way back')
    await app.toggle(0).check()
    await app.clearCompleted.click()
    await expect(app.status).toHaveText(/^offline, 3 changes waiting\./)
    await page.screenshot({ path: file('page-offline') })
  })

  test('what was removed', async ({ page, server }) => {
    await server.add('Home', week)
    const app = await new App(page, server.address, 'Home').open()
    await app.saved()
    await server.delete('Home', 'Tomatoes for Sunday')
    await server.delete('Home', 'Batteries')
    await expect(page.getByTestId('elsewhere')).toContainText('2 items deleted elsewhere.')
    await page.reload()
    await app.saved()
    await page.getByRole('button', { name: 'Recently removed' }).click()
    await expect(page.getByRole('dialog', { name: 'Recently removed' })).toContainText('Batteries')
    await expect(page.getByTestId('here')).toBeHidden() // the page before the reload has left
    await page.evaluate(() => scrollTo(0, 0))
    await page.screenshot({ path: file('page-removed') })
  })

  test('sharing a private list', async ({ page, server }) => {
    await page.setViewportSize({ width: 360, height: 1140 })
    await page.goto(server.address)
    await page.getByRole('button', { name: 'New private list' }).click()
    const app = new App(page, server.address, '')
    await app.add('Bread', 'Milk')
    await app.saved()
    await page.getByRole('button', { name: 'Share' }).click()
    await page.getByRole('button', { name: 'QR code' }).last().click()
    await expect(page.getByRole('img', { name: 'QR code: Link to look' })).toBeVisible()
    await page.screenshot({ path: file('page-share') })
  })

  test.describe('in Portuguese', () => {
    test.use({ locale: 'pt-BR' })
    test('a list', async ({ page, server }) => {
      const items = ['Pão preto', 'Leite', 'Tomates para domingo', 'Falar com a Ana sobre o piquenique 🧺']
      await server.add('Casa 12', items)
      await server.change('Casa 12', 'Leite', { completed: true })
      await new App(page, server.address, 'Casa 12').open()
      await expect(page.getByTestId('status')).toHaveText(/^salv/)
      await page.screenshot({ path: file('page-portuguese') })
    })
  })
})
