import { readFile } from 'node:fs/promises'
import AxeBuilder from '@axe-core/playwright'
import type { Page } from '@playwright/test'
import { App, expect, test } from './test'

async function violations(page: Page): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page }).analyze()
  return violations.flatMap(({ id, help, nodes }) => nodes.map((node) => `${id}: ${help}: ${node.html} ${node.failureSummary ?? ''}`))
}

for (const colorScheme of ['light', 'dark'] as const) {
  for (const width of [1000, 320]) {
    test(`Axe finds nothing, ${colorScheme}, ${width} px wide, and nothing sticks out`, async ({ page, network, server, list }) => {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
      await page.setViewportSize({ width, height: 800 })
      const app = new App(page, network.address, list)
      const check = async (state: string) => {
        expect(await violations(page), state).toEqual([])
        expect(await page.evaluate(() => document.documentElement.scrollWidth), state).toBeLessThanOrEqual(width)
      }
      await page.goto(`${network.address}/`)
      await expect(page.getByRole('heading', { name: 'Welcome' })).toBeVisible()
      await check('start')
      await app.open()
      await check('empty')
      await app.add('bread', 'a word of some length: Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft', 'salt')
      await app.toggle(0).check()
      await app.item(1).hover()
      await check('items')
      await app.filter('Completed').click()
      await check('completed')
      await app.filter('All').click()
      await app.titles.nth(2).dblclick()
      await app.saved()
      await check('editing')
      await app.edit(2).fill('sea salt')
      await server.change(list, 'salt', { title: 'rock salt' })
      await expect(app.item(2)).toContainText('Someone has changed')
      await check('changed meanwhile')
      await app.edit(2).press('Escape')
      await app.item(2).hover()
      await app.item(2).locator('.destroy').click()
      await expect(page.getByRole('button', { name: 'Undo' })).toBeVisible()
      await app.saved()
      await check('undo')
      network.fault = (request) => (request.url?.startsWith('/api/') ? { status: 503 } : 'pass')
      await app.add('milk')
      await expect(app.status).toHaveText(/^1 change waiting/)
      await check('waiting')
      await new App(page, network.address, `${list} 2`).open()
      await expect(page.getByTestId('load-trouble')).toBeVisible()
      await check('load trouble')
      await page.goto(`${network.address}/?list=..`)
      await expect(page.getByText('There is no such list.')).toBeVisible()
      await check('invalid name')
    })
  }
}

test('Keyboard alone does everything', async ({ app, list, server }) => {
  const { page } = app
  const press = (...keys: string[]) => keys.reduce((before, key) => before.then(() => page.keyboard.press(key)), Promise.resolve())
  const focused = () => page.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent)
  const tabTo = async (name: string | RegExp, key = 'Tab') => {
    for (let i = 0; i < 60; i++) {
      await press(key)
      const at = (await focused()) ?? ''
      if (typeof name === 'string' ? at === name : name.test(at)) return
    }
    throw new Error(`${key} never came to ${name}`)
  }
  await app.open()
  await expect(app.newTodo).toBeFocused()
  for (const title of ['bread', 'salt', 'milk']) {
    await page.keyboard.type(title)
    await press('Enter')
  }
  await tabTo('Toggle Todo: bread')
  await press('Space')
  await expect(app.items).toHaveClass(['completed', '', ''])
  await press('ArrowDown', 'ArrowRight')
  await expect.poll(focused).toBe('Edit salt')
  await press('Enter')
  await expect(app.edit(1)).toBeFocused()
  await page.keyboard.type('sea salt')
  await press('Enter')
  await expect(app.items).toHaveText(['bread', 'sea salt', 'milk'])
  await expect.poll(focused).toBe('Edit sea salt')
  await press('ArrowRight', 'ArrowDown')
  await expect(app.items).toHaveText(['bread', 'milk', 'sea salt'])
  await expect.poll(focused).toMatch(/^Move sea salt/)
  await expect(app.announcer).toContainText(['sea salt: 3 of 3.'])
  await press('Home')
  await expect(app.items).toHaveText(['sea salt', 'bread', 'milk'])
  await press('End', 'ArrowUp')
  await expect(app.items).toHaveText(['bread', 'sea salt', 'milk'])
  await press('ArrowRight')
  await expect.poll(focused).toBe('Delete sea salt')
  await press('Enter')
  await expect(app.items).toHaveText(['bread', 'milk'])
  await expect.poll(focused).toBe('Delete milk')
  await tabTo('Active')
  await press('Enter')
  await expect(app.items).toHaveText(['milk'])
  await tabTo('Clear completed')
  await press('Enter')
  await expect(app.newTodo).toBeFocused()
  await tabTo('Undo')
  await press('Enter')
  await expect(app.newTodo).toBeFocused()
  await tabTo('All')
  await press('Enter')
  await expect(app.items).toHaveText(['bread', 'milk'])
  await tabTo('Toggle Todo: bread', 'Shift+Tab')
  await press('ArrowRight', 'ArrowRight', 'ArrowRight', 'Enter', 'Enter')
  await expect(app.items).toHaveCount(0)
  await expect(app.newTodo).toBeFocused()
  await app.saved()
  expect(await server.todos(list)).toEqual([])
})

test('A row is one stop of Tab, / adds, and ? lists the keys', async ({ app, list, server }) => {
  await server.add(list, ['bread', 'salt'])
  const { page } = await app.open()
  const focused = () => page.evaluate(() => document.activeElement?.getAttribute('aria-label'))
  await app.toggle(0).focus()
  await page.keyboard.press('ArrowRight')
  await page.keyboard.press('Tab')
  await expect.poll(focused).toBe('Toggle Todo: salt')
  await page.keyboard.press('Shift+Tab')
  await expect.poll(focused).toBe('Edit bread')
  await page.keyboard.press('End')
  await expect.poll(focused).toBe('Edit salt')
  await page.keyboard.press('?')
  const keys = page.getByRole('dialog', { name: 'Keys' })
  await expect(keys).toBeVisible()
  await page.keyboard.press('Escape')
  await expect(keys).toBeHidden()
  await expect.poll(focused).toBe('Edit salt')
  await page.keyboard.press('/')
  await expect(app.newTodo).toBeFocused()
  await page.keyboard.type('1/2?') // in a text they are what they are
  await expect(app.newTodo).toHaveValue('1/2?')

  // They can be switched off, for good, and on again without them.
  await page.getByRole('button', { name: 'Keys', exact: true }).click()
  await keys.getByRole('checkbox', { name: 'Use / and ?' }).uncheck()
  await keys.getByRole('button', { name: 'Close' }).click()
  await page.reload()
  await app.toggle(0).focus()
  await page.keyboard.press('?')
  await page.keyboard.press('/')
  await expect.poll(focused).toBe('Toggle Todo: bread')
  await expect(keys).toBeHidden()
  await page.getByRole('button', { name: 'Keys', exact: true }).click()
  await keys.getByRole('checkbox').check()
  await page.keyboard.press('Escape')
  await app.toggle(0).focus()
  await page.keyboard.press('/')
  await expect(app.newTodo).toBeFocused()
})

test('Ctrl+Z undoes several changes, and after a reload the removals that the history tells of', async ({ app, list, server }) => {
  await server.add(list, ['bread', 'salt', 'milk'])
  const { page } = await app.open()
  const undo = () => page.keyboard.press('ControlOrMeta+z')
  await app.toggle(0).check()
  await app.item(1).locator('.destroy').focus()
  await page.keyboard.press('Enter')
  await app.clearCompleted.click()
  await expect(app.items).toHaveText(['milk'])
  await app.newTodo.fill('x')
  await undo() // the browser's own, of the text
  await expect(app.newTodo).toHaveValue('')
  await app.toggle(0).focus()
  await undo()
  await expect(app.items).toHaveText(['bread', 'milk'])
  await undo()
  await expect(app.items).toHaveText(['bread', 'salt', 'milk'])
  await undo()
  await expect(app.items).toHaveClass(['', '', ''])
  await app.saved()

  await app.item(1).locator('.destroy').focus()
  await page.keyboard.press('Enter')
  await app.item(0).locator('.destroy').focus()
  await page.keyboard.press('Enter')
  await expect(app.items).toHaveText(['milk'])
  await app.saved()
  await page.reload()
  await app.toggle(0).focus()
  await undo()
  await expect(app.items).toHaveText(['bread', 'milk'])
  await undo()
  await expect(app.items).toHaveText(['bread', 'salt', 'milk'])
  await app.saved()
  expect((await server.todos(list)).map(({ title }) => title)).toEqual(['bread', 'salt', 'milk'])
})

test('What happens is announced', async ({ app }) => {
  await app.open()
  await app.add('bread')
  await expect(app.announcer).toContainText(['Added “bread”.'])
  await app.item(0).hover()
  await app.item(0).locator('.destroy').click()
  await expect(app.announcer).toContainText(['Deleted “bread”. It can be undone.'])
  await app.page.getByRole('button', { name: 'Undo' }).click()
  await expect(app.announcer).toContainText(['Brought back 1 item.'])
})

test('Items are put in order by dragging, for everyone and for good', async ({ app, server, list, browser }) => {
  await server.add(list, ['a', 'b', 'c', 'd'])
  await app.open()
  const other = await new App(await browser.newPage(), server.address, list).open()
  await expect(app.items).toHaveCount(4)
  const drag = async (from: number, to: number, drop = true) => {
    await app.item(from).hover()
    await app.item(from).locator('.handle').hover() // waits until it stands still and would get the press
    await app.page.mouse.down()
    const target = await app.item(to).boundingBox()
    if (!target) throw new Error('not on screen')
    await app.page.mouse.move(target.x + target.width / 2, target.y + target.height * (from < to ? 0.9 : 0.1), { steps: 8 })
    if (!drop) await app.page.keyboard.press('Escape')
    await app.page.mouse.up()
  }
  await drag(0, 2)
  await expect(app.items).toHaveText(['b', 'c', 'a', 'd'])
  await drag(3, 0)
  await expect(app.items).toHaveText(['d', 'b', 'c', 'a'])
  await drag(0, 3)
  await expect(app.items).toHaveText(['b', 'c', 'a', 'd'])
  await drag(0, 3, false)
  await expect(app.items).toHaveText(['b', 'c', 'a', 'd'])
  await expect(other.items).toHaveText(['b', 'c', 'a', 'd'])
  await app.saved()
  await app.page.reload()
  await expect(app.items).toHaveText(['b', 'c', 'a', 'd'])
  await other.page.close()
})

for (const where of ['.new-todo', '.edit']) {
  test(`Enter that ends a composition in ${where} saves nothing, in the orders of events of Chromium and of Safari`, async ({ app, page, server, list }) => {
    await server.add(list, ['milk'])
    await app.open()
    await app.titles.nth(0).dblclick()
    const field = page.locator(where)
    await field.fill('')
    const session = await page.context().newCDPSession(page)
    // Chromium's own composition: the key is heard while the word is chosen.
    await session.send('Input.imeSetComposition', { text: 'ぎゅうにゅう', selectionStart: 6, selectionEnd: 6 })
    await session.send('Input.dispatchKeyEvent', { type: 'rawKeyDown', key: 'Enter', code: 'Enter', windowsVirtualKeyCode: 229 })
    await session.send('Input.insertText', { text: '牛乳' })
    await expect(field).toHaveValue('牛乳')
    // Safari's: the composition has ended when the key comes.
    await field.evaluate((input: HTMLInputElement) => {
      input.dispatchEvent(new CompositionEvent('compositionstart', { bubbles: true }))
      input.value += '麦茶'
      input.dispatchEvent(new InputEvent('input', { bubbles: true, isComposing: true }))
      input.dispatchEvent(new CompositionEvent('compositionend', { bubbles: true, data: '麦茶' }))
      input.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', keyCode: 229, bubbles: true, cancelable: true }))
    })
    await expect(field).toBeFocused()
    await expect(field).toHaveValue('牛乳麦茶')
    await field.press('Enter')
    await expect(app.titles).toHaveText(where === '.edit' ? ['牛乳麦茶'] : ['milk', '牛乳麦茶'])
  })
}

test('A press of the handle moves an item up, and the first to the end, without a drag', async ({ app, server, list }) => {
  await server.add(list, ['a', 'b', 'c'])
  await app.open()
  const handle = (title: string) => app.page.getByRole('button', { name: `Move ${title}:` })
  await app.item(2).hover()
  await handle('c').click()
  await expect(app.titles).toHaveText(['a', 'c', 'b'])
  await handle('c').press('Enter')
  await expect(app.titles).toHaveText(['c', 'a', 'b'])
  await handle('c').dispatchEvent('click') // as a screen reader does
  await expect(app.titles).toHaveText(['a', 'b', 'c'])
  await app.saved()
  expect((await server.todos(list)).map(({ title }) => title)).toEqual(['a', 'b', 'c'])
})

test('An item that is let go where no move told that it had been dragged lands there', async ({ app, server, list }) => {
  await server.add(list, ['a', 'b', 'c'])
  await app.open()
  const target = await app.item(2).boundingBox()
  await app.item(0).locator('.handle').evaluate((handle, y) => {
    const at = (type: string, clientY: number, buttons: number) => handle.dispatchEvent(new PointerEvent(type, { pointerId: 1, bubbles: true, clientY, buttons }))
    handle.setPointerCapture = () => undefined // the pointer is not a real one
    at('pointerdown', handle.getBoundingClientRect().top, 1)
    at('pointerup', y, 0)
  }, (target?.y ?? 0) + (target?.height ?? 0) * 0.9)
  await expect(app.titles).toHaveText(['b', 'c', 'a'])
})

test('An item that is dragged while others come and go lands at the neighbour that was shown, or nowhere when it is gone', async ({ app, page, server, list }) => {
  await server.add(list, ['bread', 'salt', 'milk', 'eggs', 'rice'])
  await app.open()
  const titles = async () => (await server.todos(list)).map(({ title }) => title)
  const grab = async (index: number) => {
    await app.item(index).hover()
    const { x = 0, y = 0, width = 0, height = 0 } = (await app.item(index).locator('.handle').boundingBox()) ?? {}
    await page.mouse.move(x + width / 2, y + height / 2)
    await page.mouse.down()
  }
  const over = async (index: number, down = 5) => {
    const { x = 0, y = 0, width = 0 } = (await app.item(index).boundingBox()) ?? {}
    await page.mouse.move(x + width / 2, y + down, { steps: 5 })
  }
  await grab(4)
  await over(2)
  await expect(app.item(2)).toHaveAttribute('data-drop-before')
  await server.delete(list, 'bread')
  await expect(app.titles).toHaveText(['salt', 'milk', 'eggs', 'rice'])
  await page.mouse.up()
  await expect(app.titles).toHaveText(['salt', 'rice', 'milk', 'eggs'])

  await grab(0)
  await over(3, 50)
  await expect(app.item(3)).toHaveAttribute('data-drop-after')
  await server.add(list, ['figs'])
  await expect(app.items).toHaveCount(5)
  await page.mouse.up()
  await expect(app.titles).toHaveText(['rice', 'milk', 'eggs', 'salt', 'figs'])
  await app.saved()
  expect(await titles()).toEqual(['rice', 'milk', 'eggs', 'salt', 'figs'])

  await grab(1)
  await over(3)
  await server.delete(list, 'milk')
  await expect(app.titles).toHaveText(['rice', 'eggs', 'salt', 'figs'])
  await page.mouse.up()
  await expect(page.locator('.todo-list')).not.toHaveAttribute('data-dragging')
  await expect(page.locator('[data-drop-before], [data-drop-after]')).toHaveCount(0)
  expect(await titles()).toEqual(['rice', 'eggs', 'salt', 'figs'])

  await grab(0)
  await over(2)
  await page.keyboard.press('Escape')
  await page.mouse.up()
  await expect(app.titles).toHaveText(['rice', 'eggs', 'salt', 'figs'])
})

test('Under a filter, an item moves next to those that are shown', async ({ app, server, list }) => {
  await server.add(list, ['a', 'b', 'c', 'd'])
  await server.change(list, 'b', { completed: true })
  await server.change(list, 'd', { completed: true })
  await app.open('#/active')
  await expect(app.items).toHaveText(['a', 'c'])
  await app.item(0).getByRole('button', { name: /^Move/ }).press('ArrowDown')
  await expect(app.items).toHaveText(['c', 'a'])
  await app.filter('All').click()
  await expect(app.items).toHaveText(['b', 'c', 'a', 'd'])
})

test('The installed app opens the list that was shown last, also offline', async ({ app, server, context, list }) => {
  const { page } = app
  const installed = async () => {
    const { start_url } = (await (await fetch(`${server.address}/manifest.webmanifest`)).json()) as { start_url: string }
    await page.goto(new URL(start_url, server.address).href)
  }
  await installed()
  await expect(page).toHaveURL(`${server.address}/`) // the first visit
  await app.open()
  await app.add('for us')
  await app.saved()
  await page.evaluate(() => navigator.serviceWorker.ready)
  await installed()
  await expect(app.items).toHaveText(['for us'])
  expect(new URL(page.url()).searchParams.get('list')).toBe(list)
  await context.setOffline(true)
  await installed()
  await expect(app.items).toHaveText(['for us'])
})

test('Opening / shows the list “default”, working, and a private list is one button away', async ({ page, server, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write'])
  await page.goto(server.address)
  const app = new App(page, server.address, 'default')
  await expect(app.newTodo).toBeFocused()
  await app.add('for everyone')
  await expect(app.items).toContainText(['for everyone'])
  await app.saved()
  expect((await server.todos('default')).map((todo) => todo.title)).toContain('for everyone')

  await page.getByRole('button', { name: 'New private list' }).click()
  await page.waitForURL(/\?list=k-[a-z2-7]{32}#\/&key=[\w-]{22}$/)
  await expect(app.items).toHaveCount(0)
  await app.add('for us')
  await app.saved()
  await page.getByRole('button', { name: 'Share' }).click()
  await page.getByRole('button', { name: 'Copy' }).first().click()
  await expect(page.getByRole('button', { name: 'Copied' })).toBeVisible()
  await page.getByRole('button', { name: 'Close' }).click()
  const link = await page.evaluate(() => navigator.clipboard.readText())
  const friend = await (await context.newPage()).goto(link).then(() => context.pages().at(-1))
  await expect(friend?.getByTestId('todo-title') ?? app.titles).toHaveText(['for us'])

  await page.goto(server.address)
  const recent = page.getByRole('navigation', { name: 'Other lists' })
  await recent.getByRole('link').first().click()
  await expect(app.items).toHaveText(['for us'])
  await page.goto(server.address)
  await recent.getByRole('button', { name: /^Forget the list/ }).click()
  await expect(recent).toBeHidden()
})

test('A link that cannot be copied is shown to be copied by hand', async ({ page, app }) => {
  await page.addInitScript(() => Object.defineProperty(navigator, 'clipboard', { value: undefined })) // as without TLS
  await app.open()
  await page.getByRole('button', { name: 'Copy link' }).click()
  await expect(page.getByLabel('Link to this list')).toHaveValue(new URL(app.address).href.replaceAll('%20', '+'))
})

test('A link is handed to another app, copied where none takes it, and shown as a QR code', async ({ page, context, app, list }) => {
  const sent: unknown[] = []
  await page.exposeFunction('sent', (data: unknown) => void sent.push(data))
  await page.addInitScript(() => Object.defineProperty(navigator, 'share', { configurable: true, value: (data: unknown) => (window as unknown as { sent: (data: unknown) => Promise<void> }).sent(data) }))
  await app.open()
  await app.saved()
  await page.getByRole('button', { name: 'Share' }).click()
  const sheet = page.getByRole('dialog', { name: 'Share this list' })
  await sheet.getByRole('button', { name: 'Send…' }).click()
  await expect.poll(() => sent).toEqual([{ title: list, url: new URL(app.address).href.replaceAll('%20', '+') }])
  await context.grantPermissions(['clipboard-write'])
  for (const [name, copied] of [['AbortError', 0], ['NotAllowedError', 1]] as const) {
    await page.evaluate((name) => void Object.defineProperty(navigator, 'share', { configurable: true, value: () => Promise.reject(new DOMException('', name)) }), name)
    await sheet.getByRole('button', { name: 'Send…' }).click()
    await expect(sheet.getByRole('button', { name: 'Copied' })).toHaveCount(copied)
  }
  await sheet.getByRole('button', { name: 'QR code' }).click()
  await expect(sheet.getByRole('img', { name: 'QR code: Link to the list' })).toBeVisible()
  expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([])
  await sheet.getByRole('button', { name: 'QR code' }).click()
  await expect(sheet.getByRole('img')).toHaveCount(0)
})

test('A drag that rests at the edge of the window scrolls on to the end', async ({ page, app, server, list }) => {
  await server.add(list, Array.from({ length: 60 }, (_, i) => `item ${i}`))
  await app.open()
  await app.item(0).hover()
  const handle = await app.item(0).getByRole('button', { name: /^Move/ }).boundingBox()
  if (!handle) throw new Error('the handle is not shown')
  await page.mouse.move(handle.x + 5, handle.y + 5)
  await page.mouse.down()
  await page.mouse.move(handle.x + 5, handle.y + 30)
  await page.mouse.move(handle.x + 5, (page.viewportSize()?.height ?? 0) - 5)
  await expect(app.titles.last()).toBeInViewport()
  await expect.poll(() => page.evaluate(() => (document.querySelector('.todo-list')?.getBoundingClientRect().bottom ?? 0) - window.innerHeight)).toBeLessThan(0)
  await page.mouse.up()
  await expect(app.titles.last()).toHaveText('item 0')
  await app.saved()
})

test('An address in a title is followed, and the list is saved as a file', async ({ page, app, server, list }) => {
  await server.add(list, [`see ${server.address}/api/docs.`, 'milk'])
  await server.change(list, 'milk', { completed: true })
  await app.open()
  await expect(app.titles).toHaveText([`see ${server.address}/api/docs.`, 'milk'])
  const opened = page.waitForEvent('popup')
  await app.titles.first().getByRole('link').click()
  await expect(await opened).toHaveURL(`${server.address}/api/docs`)

  await app.item(0).getByRole('checkbox').focus()
  await page.keyboard.press('ArrowRight')
  await expect(app.titles.first().getByRole('link')).toBeFocused()

  await page.getByRole('button', { name: 'Share' }).click()
  const saved = page.waitForEvent('download')
  await page.getByRole('button', { name: 'Markdown' }).click()
  const file = await saved
  expect(file.suggestedFilename()).toMatch(/^An address in a title.*\.md$/)
  expect(await readFile(await file.path(), 'utf8')).toBe(`# ${list}\n\n- [ ] see ${server.address}/api/docs.\n- [x] milk\n`)
})

test('A visit writes nothing', async ({ page, network, server, list }) => {
  await server.add(list, ['bread'])
  const app = await new App(page, network.address, list).open()
  await app.saved()
  await app.filter('Active').click()
  await app.titles.nth(0).dblclick()
  await app.edit(0).press('Enter')
  await page.reload()
  await app.saved()
  expect(network.seen.filter((request) => !request.startsWith('GET '))).toEqual([])
})

test('The page loads from its own origin alone, under default-src \'self\'', async ({ page, app, server }) => {
  const origins = new Set<string>()
  const complaints: string[] = []
  page.on('request', (request) => origins.add(new URL(request.url()).origin))
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(error.message))
  const response = await page.goto(app.address)
  expect(response?.headers()['content-security-policy']).toMatch(/default-src 'self'/)
  expect(response?.headers()['content-security-policy']).not.toMatch(/unsafe-inline|unsafe-eval|data:/)
  await app.add('bread', 'salt')
  await app.toggle(0).check()
  await app.saved()
  // A text so that a picture that was blocked would show: the circle is loaded from a file.
  expect(await app.titles.nth(0).evaluate((label) => getComputedStyle(label).backgroundImage)).toMatch(/^url\("http.*\.svg"\)$/)
  expect([...origins]).toEqual([server.address])
  expect(complaints).toEqual([])
})

test('500 items are all there, and each can be worked with', async ({ app, server, list }) => {
  const titles = Array.from({ length: 500 }, (_, i) => `item ${i}`)
  await server.add(list, titles)
  await app.open()
  await expect(app.count).toHaveText('500 items left')
  await expect(app.items).toHaveText(titles)
  await app.toggle(499).check()
  await app.titles.nth(250).dblclick()
  await app.edit(250).fill('changed')
  await app.edit(250).press('Enter')
  await app.add('one more')
  await expect(app.count).toHaveText('500 items left')
  await app.saved()
  await app.toggleAll.check()
  await expect(app.count).toHaveText('0 items left')
  await app.clearCompleted.click()
  await expect(app.items).toHaveCount(0)
  await app.page.getByRole('button', { name: 'Undo' }).click()
  await expect(app.items).toHaveCount(501)
  await app.saved()
  const todos = await server.todos(list)
  expect(todos).toHaveLength(501)
  expect([todos[250]?.title, todos[500]?.title]).toEqual(['changed', 'one more'])
})

test('Nothing moves where less motion is asked for', async ({ page, app }) => {
  await page.emulateMedia({ reducedMotion: 'reduce' })
  await app.open()
  await app.add('bread')
  await expect(app.titles.nth(0)).toHaveCSS('transition-duration', '0s')
})
