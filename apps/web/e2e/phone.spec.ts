import { App, expect, test } from './test'

// A phone: a narrow touch screen without hover.
test.use({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true })

const titles = ['bread', 'Ask the neighbours whether they need something from the market as well', 'לקנות לחם טרי וחלב מהשוק ליד התחנה המרכזית', 'see https://example.com/a/path/that/goes/on/and/on/without/a/place/to/break/it']

test('By touch, everything that can be pressed is seen and large enough, and nothing lies over a title', async ({ app, page, server, list }) => {
  await server.add(list, titles)
  await app.open()
  await app.toggle(0).tap()
  await app.saved()
  await expect(page.getByText('Tap ✎ to edit a todo')).toBeVisible()

  const small = () => page.evaluate(() => [...document.querySelectorAll<HTMLElement>('button, a, input:not(#toggle-all), label[for=toggle-all]')].flatMap((control) => {
    const { width, height } = control.getBoundingClientRect()
    const seen = control.checkVisibility({ opacityProperty: true, visibilityProperty: true })
    return seen && !control.closest('[data-testid=todo-title]') && (width < 44 || height < 44) ? [`${control.outerHTML.slice(0, 120)} ${width} x ${height}`] : []
  }))
  await expect.poll(small).toEqual([])
  const covered = () => page.getByTestId('todo-item').evaluateAll((rows) => rows.flatMap((row) => {
    const actions = row.querySelector('.item-actions')?.getBoundingClientRect()
    const text = document.createRange()
    text.selectNodeContents(row.querySelector('label') as Node)
    const over = actions && [...text.getClientRects()].some((line) => line.right > actions.left && line.left < actions.right)
    return !actions || over ? [row.textContent] : []
  }))
  expect(await covered()).toEqual([])
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390)

  for (const name of ['Share', 'Recently removed']) {
    await page.getByRole('button', { name }).tap()
    const dialog = page.getByRole('dialog')
    await expect(dialog).toBeVisible()
    await expect.poll(small).toEqual([])
    const { x = 0, y = 0, width = 0, height = 0 } = (await dialog.boundingBox()) ?? {}
    expect(x).toBeCloseTo((390 - width) / 2, 0)
    expect(y).toBeCloseTo((844 - height) / 2, 0)
    await page.getByRole('button', { name: 'Close' }).tap()
    await expect(dialog).toBeHidden()
  }
})

test('On the narrowest telephone with texts of twice the size, the page does not scroll sideways and words stay whole', async ({ app, page, server, list }) => {
  await page.setViewportSize({ width: 320, height: 800 })
  await server.add(list, ['bread', 'family dinner', 'לחם טרי'])
  const session = await page.context().newCDPSession(page)
  await session.send('Page.enable')
  await session.send('Page.setFontSizes', { fontSizes: { standard: 32 } })
  await app.open()
  await app.saved()
  expect(await page.evaluate(() => [getComputedStyle(document.documentElement).fontSize, innerWidth, document.documentElement.scrollWidth])).toEqual(['32px', 320, 320])
  const heading = await page.getByRole('heading', { level: 1 }).boundingBox()
  expect(heading?.x).toBeGreaterThanOrEqual(0)
  const lines = () => app.titles.evaluateAll((labels) => labels.map((label) => {
    const text = document.createRange()
    text.selectNodeContents(label)
    return new Set([...text.getClientRects()].map(({ top }) => top)).size
  }))
  expect(await lines()).toEqual([1, 2, 1])
  for (const name of ['Edit bread', 'Delete bread']) await expect(page.getByRole('button', { name })).toBeInViewport({ ratio: 1 })
})

test('Notices leave room for the list on a telephone that lies, and what gets the focus is not below them', async ({ app, page, network, server, list }) => {
  await page.setViewportSize({ width: 640, height: 360 })
  await server.add(list, Array.from({ length: 14 }, (_, i) => `item ${i}`))
  await new App(page, network.address, list).open()
  await app.saved()
  await server.delete(list, 'item 3')
  await app.item(0).locator('.destroy').tap()
  await app.saved()
  network.fault = ({ url }) => (url?.endsWith('/batch') ? { status: 422, body: '{"detail":"Not today."}' } : 'pass')
  await app.toggle(1).tap()
  await app.add('one more')
  await expect(page.locator('.notice')).toHaveCount(5)
  const height = (await page.locator('.notices').boundingBox())?.height ?? 0
  expect(height).toBeLessThanOrEqual(360 * 0.4)
  const covered: string[] = []
  await app.newTodo.focus()
  for (let i = 0; i < 20; i++) {
    await page.keyboard.press('Tab')
    covered.push(...await page.evaluate(() => {
      const control = document.activeElement as HTMLElement
      const { left, top, width, height } = control.getBoundingClientRect()
      const shown = document.elementFromPoint(left + width / 2, top + height / 2)
      return shown?.closest('.notices') && !control.closest('.notices') ? [control.outerHTML] : []
    }))
  }
  expect(covered).toEqual([])
})

test('The keyboard of the screen, a turn of the telephone and four times the size leave what is typed in view', async ({ app, page, server, list }) => {
  await server.add(list, Array.from({ length: 20 }, (_, i) => `item ${i}`))
  await app.open()
  const inView = async (width: number, height: number) => {
    await page.setViewportSize({ width, height })
    await expect(app.edit(19)).toBeInViewport({ ratio: 0.9 })
    await expect(app.edit(19)).toBeFocused()
    await expect(app.edit(19)).toHaveValue('half a sent')
    await expect.poll(() => page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0)
  }
  await app.item(19).getByRole('button', { name: 'Edit item 19' }).tap()
  await app.edit(19).fill('half a sent')
  await inView(390, 420) // the keyboard takes half of the screen
  await inView(844, 390) // turned
  await inView(844, 180) // with the keyboard
  await inView(320, 256) // 1280 x 1024 at 400 % (WCAG 1.4.10)
  await app.edit(19).press('Enter')
  await app.saved()
  expect((await server.todos(list)).at(-1)?.title).toBe('half a sent')
})

test('By touch, items are edited, moved, deleted and brought back', async ({ app, page, server, list }) => {
  await server.add(list, ['bread', 'salt', 'milk'])
  await app.open()
  await app.item(0).getByRole('button', { name: 'Edit bread' }).tap()
  await app.edit(0).fill('rye bread')
  await app.edit(0).press('Enter')
  await expect(app.titles).toHaveText(['rye bread', 'salt', 'milk'])

  await app.item(0).getByRole('button', { name: 'Delete rye bread' }).tap()
  await expect(app.titles).toHaveText(['salt', 'milk'])
  await page.getByRole('button', { name: 'Undo' }).tap()
  await expect(app.titles).toHaveText(['rye bread', 'salt', 'milk'])

  await drag(app, 2, 0) // last, because a browser treats a tap right after it as the end of a fling
  await expect(app.titles).toHaveText(['milk', 'rye bread', 'salt'])
  await app.saved()
  expect((await server.todos(list)).map(({ title }) => title)).toEqual(['milk', 'rye bread', 'salt'])
})

test('A dragged row scrolls the page at the edge of the visible part when the page is zoomed in', async ({ app, page, server, list }) => {
  await server.add(list, Array.from({ length: 30 }, (_, i) => `item ${i}`))
  await app.open()
  await expect(app.items).toHaveCount(30)
  const session = await page.context().newCDPSession(page)
  await session.send('Input.synthesizePinchGesture', { x: 300, y: 420, scaleFactor: 2.5, relativeSpeed: 2000 })
  const { x, y, bottom } = await app.item(0).locator('.handle').evaluate((handle) => {
    const { left, top, width, height } = handle.getBoundingClientRect()
    const view = window.visualViewport as VisualViewport
    return { x: left + width / 2 - view.offsetLeft, y: top + height / 2 - view.offsetTop, bottom: view.height }
  })
  expect(bottom).toBeLessThan(400)
  const touch = (type: 'touchStart' | 'touchMove' | 'touchEnd', ...at: number[]) => session.send('Input.dispatchTouchEvent', { type, touchPoints: at.map((y) => ({ x, y })) })
  await touch('touchStart', y)
  for (let step = 1; step <= 8; step++) await touch('touchMove', y + ((bottom - 10 - y) * step) / 8)
  await expect.poll(() => app.items.last().evaluate((row) => row.getBoundingClientRect().bottom - (window.visualViewport?.offsetTop ?? 0))).toBeLessThanOrEqual(bottom)
  await touch('touchEnd')
  await expect(app.titles.last()).toHaveText('item 0')
  await app.saved()
  expect((await server.todos(list)).at(-1)?.title).toBe('item 0')
})

test('An item that is added below the visible part is reported when the page is zoomed in, as with an on-screen keyboard', async ({ app, page, server, list }) => {
  await server.add(list, Array.from({ length: 6 }, (_, i) => `item ${i}`))
  await app.open()
  await expect(app.items).toHaveCount(6)
  await app.add('bread')
  await expect(app.items.last()).toBeInViewport()
  await expect(page.getByTestId('unseen')).toHaveCount(0)
  const session = await page.context().newCDPSession(page)
  await session.send('Input.synthesizePinchGesture', { x: 200, y: 100, scaleFactor: 2.5, relativeSpeed: 2000 })
  await app.add('salt')
  await expect(app.items).toHaveCount(8)
  expect(await app.items.last().evaluate((row) => row.getBoundingClientRect().bottom)).toBeLessThan(844)
  await page.getByTestId('unseen').getByRole('button', { name: 'Show it' }).press('Enter')
  await expect.poll(() => app.items.last().evaluate((row) => {
    const { offsetTop = 0, height = 0 } = window.visualViewport ?? {}
    const { top, bottom } = row.getBoundingClientRect()
    return top >= offsetTop && bottom <= offsetTop + height
  })).toBe(true)
})

/** Drags a row by its handle with a finger. */
async function drag(app: App, from: number, to: number) {
  const handle = await app.item(from).locator('.handle').boundingBox()
  const target = await app.item(to).boundingBox()
  if (!handle || !target) throw new Error('not on screen')
  const session = await app.page.context().newCDPSession(app.page)
  const x = handle.x + handle.width / 2
  const touch = (type: 'touchStart' | 'touchMove' | 'touchEnd', y?: number) => session.send('Input.dispatchTouchEvent', { type, touchPoints: y === undefined ? [] : [{ x, y }] })
  const start = handle.y + handle.height / 2
  await touch('touchStart', start)
  for (let step = 1; step <= 8; step++) await touch('touchMove', start + ((target.y + 2 - start) * step) / 8)
  await touch('touchEnd')
}
