import { App, expect, test } from './test'

/** Titles, most of which take two lines on a phone. */
const titles = Array.from({ length: 200 }, (_, i) => (i % 3 === 0 ? `Milk ${i}` : `Ask the neighbours whether they need something from the market as well, ${i}`))

for (const [where, viewport] of [['a phone', { width: 390, height: 844 }], ['a desktop', { width: 1280, height: 800 }]] as const) {
  test(`Nothing moves about on ${where} while a list with long titles is opened`, async ({ app, page, server, list }) => {
    await page.setViewportSize(viewport)
    await server.add(list, titles)
    await page.addInitScript(() => {
      const shifts: number[] = []
      Object.assign(window, { shifts })
      new PerformanceObserver((entries) => {
        for (const entry of entries.getEntries() as (PerformanceEntry & { value: number; hadRecentInput: boolean })[]) if (!entry.hadRecentInput) shifts.push(entry.value)
      }).observe({ type: 'layout-shift', buffered: true })
    })
    const shifted = () => page.evaluate(() => (window as unknown as { shifts: number[] }).shifts.reduce((sum, value) => sum + value, 0))
    for (const visit of ['first', 'second']) {
      await app.open()
      await expect(app.items).toHaveCount(titles.length)
      await app.saved()
      await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))))
      expect(await shifted(), visit).toBeLessThanOrEqual(0.05)
    }
  })
}

for (const width of [390, 500, 1280]) {
  test(`The list stays where it is, ${width} pixels wide, when another person comes and while changes wait`, async ({ page, network, server, list, browser }) => {
    await page.setViewportSize({ width, height: 800 })
    await server.add(list, ['bread'])
    const app = await new App(page, network.address, list).open()
    await app.saved()
    const top = async () => (await app.item(0).boundingBox())?.y
    const before = await top()
    const other = await new App(await browser.newPage(), server.address, list).open()
    await expect(page.getByTestId('here')).toHaveText('2 here')
    expect(await top()).toBe(before)
    network.fault = ({ method }) => (method === 'POST' ? 'hold' : 'pass')
    await app.toggle(0).check()
    await expect(app.status).toHaveText(/^saving/)
    expect(await top()).toBe(before)
    await network.stop()
    await expect(app.status).toHaveText(/^offline, 1 change waiting/)
    expect(await top()).toBe(before)
    await other.page.close()
  })
}

test('A pointer over a title that reads from the right covers no word of it, and a dialog is in the middle', async ({ app, page, server, list }) => {
  await server.add(list, ['לחם'])
  await app.open()
  await app.item(0).hover()
  const text = await app.titles.first().evaluate((label) => {
    const range = document.createRange()
    range.selectNodeContents(label)
    return range.getBoundingClientRect().right
  })
  expect(text).toBeLessThanOrEqual((await app.item(0).locator('.item-actions').boundingBox())?.x ?? 0)

  const { width: across, height: down } = page.viewportSize() ?? { width: 0, height: 0 }
  for (const open of ['Share', 'Keys', 'Recently removed']) {
    await page.getByRole('button', { name: open, exact: true }).click()
    await expect(page.getByRole('dialog')).toBeVisible()
    const { x = 0, y = 0, width = 0, height = 0 } = (await page.getByRole('dialog').boundingBox()) ?? {}
    expect(x).toBeCloseTo((across - width) / 2, 0)
    expect(y).toBeCloseTo((down - height) / 2, 0)
    await page.keyboard.press('Escape')
    await expect(page.getByRole('dialog')).toBeHidden()
  }
})

test('On paper there is the list, and nothing to press', async ({ app, page, server, list }) => {
  await server.add(list, ['bread', 'salt'])
  await app.open()
  await app.toggle(0).check()
  await app.saved()
  await page.emulateMedia({ media: 'print', colorScheme: 'dark' })
  await expect(app.titles).toHaveText(['bread', 'salt'])
  for (const title of await app.titles.all()) await expect(title).toBeVisible()
  await expect(page.locator('button:visible, .new-todo:visible, a:visible, dialog:visible, .status:visible')).toHaveCount(0)
  expect(await page.evaluate(() => getComputedStyle(document.documentElement).getPropertyValue('--card'))).toBe('#fff')
})

test('Where the browser chooses the colours, the filter in use and the place of a drop are seen', async ({ app, page, server, list }) => {
  await page.emulateMedia({ forcedColors: 'active' })
  await server.add(list, ['bread', 'salt', 'milk'])
  await app.open()
  await app.saved()
  await app.newTodo.hover()
  const [line, ground] = await page.evaluate(() => ['CanvasText', 'Canvas'].map((name) => {
    document.body.style.outlineColor = name
    return getComputedStyle(document.body).outlineColor
  }))
  expect(line).not.toBe(ground)
  const border = (name: 'All' | 'Active') => app.filter(name).evaluate((link) => getComputedStyle(link).borderTopColor)
  expect(await border('Active')).toBe(ground)
  expect(await border('All')).not.toBe(ground)
  await app.item(2).hover()
  await app.item(2).locator('.handle').hover()
  await page.mouse.down()
  const { x = 0, y = 0 } = (await app.item(1).boundingBox()) ?? {}
  await page.mouse.move(x + 50, y + 5, { steps: 4 })
  await expect(app.item(1)).toHaveCSS('border-top-width', '3px')
  await page.mouse.up()
})

test('The browser’s text size makes texts larger, and nothing overlaps on a phone', async ({ app, page, server, list }) => {
  await page.setViewportSize({ width: 390, height: 844 })
  await server.add(list, titles.slice(0, 3))
  await app.open()
  await app.toggle(0).check()
  await app.saved()
  const texts = page.locator('h1, .name, .status, .new-todo, [data-testid=todo-title], .todo-count, .filters a, .clear-completed, .removed-button, .info p:visible, .listbar button')
  const sizes = () => texts.evaluateAll((all) => all.map((text) => parseFloat(getComputedStyle(text).fontSize)))
  const before = await sizes()
  const session = await page.context().newCDPSession(page)
  // The browser's setting changes the root's font size, the unit of rem.
  await session.send('Page.enable')
  await session.send('Page.setFontSizes', { fontSizes: { standard: 24 } })
  await expect.poll(() => page.evaluate(() => getComputedStyle(document.documentElement).fontSize)).toBe('24px')
  const after = await sizes()
  after.forEach((size, i) => expect(size).toBeCloseTo((before[i] ?? 0) * 1.5, 1))
  const overlaps = await texts.evaluateAll((all) => {
    const boxes = all.flatMap((element) => {
      const { left, top, right, bottom } = element.getBoundingClientRect()
      return right > left && bottom > top ? [{ element, left, top, right, bottom }] : []
    })
    const found: string[] = []
    for (const [i, a] of boxes.entries()) {
      if (a.left < 0 || a.right > innerWidth || a.element.scrollWidth > a.element.clientWidth + 1 && !a.element.matches('.name, a, .new-todo')) found.push(`${a.element.textContent} is cut off`)
      for (const b of boxes.slice(i + 1)) {
        if (a.element.contains(b.element) || b.element.contains(a.element)) continue
        if (Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1) found.push(`${a.element.textContent} / ${b.element.textContent}`)
      }
    }
    return found
  })
  expect(overlaps).toEqual([])
})

test('An item that is added out of view is told, and shown when asked', async ({ app, page, server, list }) => {
  await server.add(list, titles.slice(0, 40))
  await app.open()
  await expect(app.items).toHaveCount(40)
  await app.add('bread')
  const notice = page.getByTestId('unseen')
  await expect(notice).toContainText('Added “bread”. It is not in view.')
  await notice.getByRole('button', { name: 'Show it' }).click()
  await expect(app.titles.last()).toBeInViewport()
  await expect(app.toggle(40)).toBeFocused()
  await expect(notice).toBeHidden()

  await app.filter('Completed').click()
  await app.add('salt')
  await expect(notice).toContainText('Added “salt”. It is not in view.')
  await notice.getByRole('button', { name: 'Show it' }).click()
  await expect(app.titles.last()).toHaveText('salt')
  await expect(app.titles.last()).toBeInViewport()
})

test('An item that is added in view is not told of', async ({ app, page }) => {
  await app.open()
  await app.add('bread')
  await expect(app.titles).toHaveText(['bread'])
  await expect(page.getByTestId('unseen')).toBeHidden()
})

test('The page says how many browsers show the list', async ({ app, page, browser }) => {
  await app.open()
  await app.saved()
  await expect(page.getByTestId('here')).toBeHidden() // alone
  const context = await browser.newContext()
  const friend = await new App(await context.newPage(), new URL(app.address).origin, new URL(app.address).searchParams.get('list') ?? '').open()
  for (const each of [page, friend.page]) await expect(each.getByTestId('here')).toHaveText('2 here')
  // Another window of the same browser does not count.
  const window = await context.newPage()
  await window.goto(app.address)
  await expect(window.getByTestId('here')).toHaveText('2 here')
  await context.close()
  await expect(page.getByTestId('here')).toBeHidden()
})
