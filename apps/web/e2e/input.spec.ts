import { App, expect, paste, test } from './test'

test.describe('A title of 5,000 characters', () => {
  const long = 'x'.repeat(5000)

  test('is not added, with a message, and stays in the field', async ({ app }) => {
    await app.open()
    await app.add(long)
    await expect(app.page.getByText('A title can have at most 2,000 characters; this one has 5,000.')).toBeVisible()
    await expect(app.newTodo).toHaveValue(long)
    await expect(app.items).toHaveCount(0)
    await app.newTodo.fill(long.slice(0, 2000))
    await app.newTodo.press('Enter')
    await expect(app.items).toHaveText([long.slice(0, 2000)])
    await app.saved()
  })

  test('is not saved by an edit, nor lost by leaving it', async ({ app }) => {
    await app.open()
    await app.add('bread')
    await app.titles.nth(0).dblclick()
    await app.edit(0).fill(long)
    await app.newTodo.click()
    await expect(app.item(0)).toContainText('this one has 5,000')
    await expect(app.edit(0)).toHaveValue(long)
    await app.edit(0).press('Escape')
    await expect(app.items).toHaveText(['bread'])
  })
})

test.describe('Pasted lines', () => {
  test('become items when the person says so', async ({ app, server, list }) => {
    await app.open()
    await paste(app, 'bread\n\n  salt \r\nmilk\n')
    await app.page.getByRole('button', { name: 'Add 3 items' }).click()
    await expect(app.items).toHaveText(['bread', 'salt', 'milk'])
    await expect(app.newTodo).toBeFocused()
    await app.saved()
    expect((await server.todos(list)).map((todo) => todo.title)).toEqual(['bread', 'salt', 'milk'])
  })

  test('become one line when the person says so', async ({ app }) => {
    await app.open()
    await paste(app, 'bread\nsalt')
    await app.page.getByRole('button', { name: 'Put them on one line' }).click()
    await expect(app.newTodo).toHaveValue('bread salt')
    await expect(app.items).toHaveCount(0)
  })

  test('that are too long for a title are left out of what is offered', async ({ app }) => {
    const long = 'x'.repeat(2001)
    await app.open()
    await paste(app, `${long}\nbread\n${long}\nsalt`)
    await expect(app.page.getByRole('alert').filter({ hasText: 'pasted' })).toHaveText('4 lines were pasted. 2 of the lines are too long for a title, and would be left out.')
    await app.page.getByRole('button', { name: 'Add 2 items' }).click()
    await expect(app.items).toHaveText(['bread', 'salt'])
    await paste(app, `${long}\n${long}`)
    await expect(app.page.locator('.choices button')).toHaveText(['Put them on one line', 'Cancel'])
  })
})

test('Emoji, right-to-left text and combining marks stay as they are', async ({ app, server, list, browser }) => {
  const titles = ['👩‍👩‍👧‍👦 🇵🇹 🍞🏽', 'شراء الخبز', 'קנה לחם 2 ביצים', 'e\u0301 n\u0303 Z\u0351\u036B\u0343', '\u202Eevil', '   \u200b']
  await app.open()
  await app.add(...titles)
  const want = titles.map((title) => title.trim())
  await expect(app.items).toHaveCount(titles.length)
  await app.saved()
  expect((await server.todos(list)).map((todo) => todo.title)).toEqual(want)
  const other = await new App(await browser.newPage(), server.address, list).open()
  await expect(other.items).toHaveCount(titles.length)
  expect(await other.titles.evaluateAll((labels) => labels.map((label) => label.textContent))).toEqual(want)
  await expect(other.titles.nth(1)).toHaveCSS('direction', 'rtl')
  await other.page.close()
})

test('<script> in a title is text', async ({ app }) => {
  const evil = ['<script>document.title = "owned"</script>', '<img src=x onerror="document.title=\'owned\'">', '{{ constructor.constructor("document.title=1")() }}']
  await app.open()
  const title = await app.page.title()
  await app.add(...evil)
  await expect(app.items).toHaveText(evil)
  await app.saved()
  await app.page.reload()
  await expect(app.items).toHaveText(evil)
  expect(await app.page.title()).toBe(title)
  await expect(app.page.locator('.todoapp script, .todoapp img')).toHaveCount(0)
})

for (const [name, why] of [
  ['a/b', 'cannot contain / or \\'],
  ['a\\b', 'cannot contain / or \\'],
  ['..', 'cannot be . or ..'],
  ['', 'cannot be empty'],
  ['x'.repeat(200), 'at most 128 characters; this one has 200'],
  ['a\nb', 'control characters'],
] as const) {
  test(`The list name ${JSON.stringify(name).slice(0, 20)} gets a message and no request`, async ({ page, network }) => {
    await page.goto(`${network.address}/?list=${encodeURIComponent(name)}`)
    await expect(page.getByRole('alert').filter({ hasText: 'There is no such list.' })).toContainText(why)
    await page.getByLabel('Open a list by its name').fill('also/wrong')
    await page.getByRole('button', { name: 'Open' }).click()
    await expect(page.locator('#open-problem')).toContainText('cannot contain /')
    expect(network.seen).toEqual([])
    await page.getByLabel('Open a list by its name').fill(`good ${crypto.randomUUID()}`)
    await page.getByRole('button', { name: 'Open' }).click()
    await expect(page.getByTestId('status')).toHaveText(/^saved\./)
  })
}

test('A full device gets a notice; what it cannot keep is held by the page, and sent', async ({ page, network, server, list }) => {
  // Before the page's first use of storage: the browser caches the remaining space for a while.
  await page.goto(`${network.address}/robots.txt`)
  const devtools = await page.context().newCDPSession(page)
  await devtools.send('Storage.overrideQuotaForOrigin', { origin: network.address, quotaSize: 150_000 })
  const app = await new App(page, network.address, list).open()
  await app.add('kept')
  await app.saved()
  network.fault = (request) => (request.url?.endsWith('/batch') ? { status: 503, headers: { 'Retry-After': '1' } } : 'pass')
  const long = Array.from({ length: 100 }, (_, i) => `${i} `.padEnd(2000, 'x'))
  await paste(app, long.join('\n'))
  await page.getByRole('button', { name: 'Add 100 items' }).click()
  const word = page.getByRole('alert').filter({ hasText: 'There is no space left on this device' })
  await expect(word).toContainText('Keep this page open until it says “saved”')
  await expect(app.items).toHaveText(['kept', ...long])
  await expect(app.status).toHaveText(/^100 changes waiting\./)
  const asked = page.waitForEvent('dialog')
  await page.close({ runBeforeUnload: true })
  expect((await asked).type()).toBe('beforeunload')
  await (await asked).dismiss()
  network.fault = () => 'pass'
  await app.saved()
  await expect(app.items).toHaveText(['kept', ...long])
  expect((await server.todos(list)).map((todo) => todo.title)).toEqual(['kept', ...long])
})

test('Where storage is forbidden, the page works and says what it cannot do', async ({ page, app, server, list }) => {
  await page.addInitScript(() => {
    const forbidden = () => {
      throw new DOMException('Access is denied for this document.', 'SecurityError')
    }
    for (const name of ['localStorage', 'sessionStorage', 'indexedDB', 'caches']) Object.defineProperty(window, name, { get: forbidden })
    // Firefox throws when a channel is created, but only when a lock is requested.
    window.BroadcastChannel = function () { forbidden() } as unknown as typeof BroadcastChannel
    const later = () => Promise.resolve().then(forbidden)
    for (const name of ['request', 'query']) Object.defineProperty(LockManager.prototype, name, { value: later })
    ServiceWorkerContainer.prototype.register = later
  })
  await app.open()
  await app.add('bread')
  await expect(app.items).toHaveText(['bread'])
  await app.saved()
  await expect(page.getByRole('alert').filter({ hasText: 'This browser does not let the page keep anything on this device.' })).toBeVisible()
  expect(await server.todos(list)).toHaveLength(1)
  await server.add(list, ['salt'])
  await expect(app.items).toHaveText(['bread', 'salt'])
})

for (const year of [1971, 2199]) {
  test(`A clock in the year ${year} changes nothing`, async ({ page, app, browser, server, list }) => {
    await page.clock.setFixedTime(new Date(`${year}-01-01T00:00:00Z`))
    await app.open()
    const other = await new App(await browser.newPage(), server.address, list).open()
    await app.add('one')
    await expect(other.items).toHaveText(['one'])
    await other.add('two')
    await expect(app.items).toHaveText(['one', 'two'])
    await app.add('three')
    await app.toggle(1).check()
    await expect(other.items).toHaveText(['one', 'two', 'three'])
    await expect(other.items).toHaveClass(['', 'completed', ''])
    await app.saved()
    await other.page.close()
  })
}

test.describe('A server of a newer version', () => {
  test('that answers in another form gets a notice, and changes are kept', async ({ page, network, server, list }) => {
    const app = await new App(page, network.address, list).open()
    await app.saved()
    network.fault = (request) => (request.url?.endsWith('/batch') ? { status: 200, headers: { 'Content-Type': 'application/json' }, body: '{"version":2,"outcome":[]}' } : 'pass')
    await app.add('bread')
    const word = page.getByRole('alert').filter({ hasText: 'The server may be of a newer version than this page' })
    await expect(word).toContainText('Nothing is lost: 1 change is kept on this device.')
    await app.kept(1)
    // Only then: otherwise the change may be sent, and the button removed, before the press.
    await word.getByRole('button', { name: 'Reload' }).click()
    network.fault = () => 'pass' // as the newer page would be answered
    await app.saved()
    await expect(app.items).toHaveText(['bread'])
    expect(await server.todos(list)).toHaveLength(1)
  })

  test('that no longer has the route gets a notice, and changes are kept', async ({ page, network, list }) => {
    const app = await new App(page, network.address, list).open()
    await app.saved()
    network.fault = (request) => (request.url?.endsWith('/batch') ? { status: 410, body: '{"title":"Gone","detail":"Use /v2."}' } : 'pass')
    await app.add('bread')
    await expect(page.getByRole('alert').filter({ hasText: 'The server refuses what this page asks: Use /v2.' })).toContainText('1 change is kept on this device')
    await expect(app.items).toHaveText(['bread'])
    network.fault = () => 'pass'
    await app.saved()
  })

  test('whose page has changed the storage already gets a notice, and the page works', async ({ page, app, server }) => {
    await page.goto(`${server.address}/robots.txt`)
    await page.evaluate(() => new Promise((resolve, reject) => {
      const request = indexedDB.open('todos', 99)
      request.onsuccess = () => {
        request.result.close()
        resolve(null)
      }
      request.onerror = () => reject(new Error('open failed'))
    }))
    await app.open()
    await expect(page.getByRole('alert').filter({ hasText: 'A newer version of this page has used this browser’s storage.' })).toBeVisible()
    await app.add('bread')
    await app.saved()
  })
})

test('A newer version of the page in another tab takes the storage over; the older one says so and loses nothing', async ({ page, network, server, list, context }) => {
  const app = await new App(page, network.address, list).open()
  await app.add('kept')
  await app.saved()
  network.fault = ({ url }) => (url?.endsWith('/batch') ? { status: 503, headers: { 'Retry-After': '1' } } : 'pass')
  await app.add('waits')
  await expect(app.status).toHaveText(/^1 change waiting/)
  const newer = await context.newPage()
  await newer.goto(`${network.address}/robots.txt`)
  await newer.evaluate(() => new Promise((resolve, reject) => {
    const request = indexedDB.open('todos', 99)
    request.onsuccess = resolve
    request.onerror = () => reject(new Error('open failed'))
  }).then(() => undefined))
  await app.add('after')
  const word = page.getByRole('alert').filter({ hasText: 'A newer version of this page has used this browser’s storage.' })
  await expect(word).toContainText('Keep this page open until it says “saved”')
  network.fault = () => 'pass'
  await app.saved()
  expect((await server.todos(list)).map(({ title }) => title)).toEqual(['kept', 'waits', 'after'])
})

test('Storage that the browser deletes while the page is open is made anew, with what waits', async ({ page, network, server, list }) => {
  network.fault = ({ url }) => (url?.endsWith('/batch') ? { status: 503, headers: { 'Retry-After': '1' } } : 'pass')
  const app = await new App(page, network.address, list).open()
  await app.add('before')
  await app.kept(1)
  const devtools = await page.context().newCDPSession(page)
  await devtools.send('Storage.clearDataForOrigin', { origin: network.address, storageTypes: 'indexeddb' })
  await app.add('after')
  await app.kept(2)
  await expect(page.locator('.notice')).toHaveCount(0)
  await page.reload()
  await expect(app.titles).toHaveText(['before', 'after'])
  network.fault = () => 'pass'
  await app.saved()
  expect((await server.todos(list)).map(({ title }) => title)).toEqual(['before', 'after'])
})

test('A transaction that another tab never ends holds up no sending, and what was held in memory is kept when it ends', async ({ page, server, app, list, context }) => {
  await app.open()
  await app.saved()
  const other = await context.newPage()
  await other.goto(`${server.address}/robots.txt`)
  await other.evaluate(() => new Promise((resolve) => {
    const request = indexedDB.open('todos')
    request.onsuccess = () => {
      const store = request.result.transaction('operations', 'readwrite').objectStore('operations')
      const goOn = () => { if (!('end' in window)) store.get(1).onsuccess = goOn }
      goOn()
      resolve(null)
    }
  }))
  await page.bringToFront()
  await app.add('bread')
  const word = page.getByRole('alert').filter({ hasText: 'The page’s storage does not answer.' })
  await expect(word).toBeVisible()
  await app.saved()
  expect((await server.todos(list)).map(({ title }) => title)).toEqual(['bread'])
  await other.evaluate(() => void Object.assign(window, { end: true }))
  await expect(word).toBeHidden()
  await page.reload()
  await app.saved()
  await expect(app.titles).toHaveText(['bread'])
  expect(await server.todos(list)).toHaveLength(1)
})

test('A title of several lines, as other programs write them, is edited as one line', async ({ app, server, list }) => {
  await server.add(list, ['milk\neggs'])
  await app.open()
  await app.titles.nth(0).dblclick()
  await expect(app.edit(0)).toHaveValue('milk eggs')
  await app.edit(0).press('Enter') // untouched
  await app.titles.nth(0).dblclick()
  await app.edit(0).press('End')
  await app.edit(0).pressSequentially('!')
  await app.edit(0).press('Enter')
  await app.saved()
  expect((await server.todos(list)).map(({ title }) => title)).toEqual(['milk eggs!'])
})

test('Storage that an older version in another tab holds up is used as soon as it opens, and what was held in memory is kept', async ({ page, network, server, list, context }) => {
  await server.add(list, ['bread'])
  const older = await context.newPage()
  await older.goto(`${network.address}/robots.txt`)
  await older.evaluate((list) => new Promise((resolve, reject) => {
    const request = indexedDB.open('todos', 1)
    request.onupgradeneeded = () => {
      const operations = request.result.createObjectStore('operations', { keyPath: 'key', autoIncrement: true })
      operations.createIndex('list', 'list')
      operations.add({ list, operation: { id: 'op-1', type: 'create', todo: { id: 'salt', title: 'salt' } }, about: 'salt', state: 'waiting' })
      request.result.createObjectStore('snapshots', { keyPath: 'list' })
      request.result.createObjectStore('visits', { keyPath: 'key', autoIncrement: true }).createIndex('list', 'list')
    }
    // Nothing closes it when another tab asks for version 2: a suspended tab answers nothing.
    request.onsuccess = () => {
      Object.assign(window, { held: request.result })
      resolve(null)
    }
    request.onerror = () => reject(new Error('open failed'))
  }), list)
  network.fault = ({ url }) => (url?.endsWith('/batch') ? { status: 503, headers: { 'Retry-After': '1' } } : 'pass')
  const app = await new App(page, network.address, list).open()
  await app.add('milk')
  const word = page.getByRole('alert').filter({ hasText: 'The page’s storage does not answer.' })
  await expect(word).toContainText('Keep this page open until it says “saved”')
  await expect(app.items).toHaveText(['bread', 'milk'])
  await older.evaluate(() => (window as unknown as { held: IDBDatabase }).held.close())
  await expect(word).toBeHidden()
  await app.kept(2)
  await page.reload()
  await expect(app.items).toHaveText(['bread', 'salt', 'milk'])
  network.fault = () => 'pass'
  await app.saved()
  expect((await server.todos(list)).map(({ title }) => title)).toEqual(['bread', 'salt', 'milk'])
})

for (const years of [1, -1]) {
  test(`A clock that jumps by ${years} year while the list is open loses nothing`, async ({ page, own, list }) => {
    await page.clock.install()
    const app = await new App(page, own.address, list).open()
    await app.add('one')
    await app.saved()
    await page.clock.setSystemTime(Date.now() + years * 365 * 86_400_000)
    await app.add('two')
    await app.saved()
    await own.add(list, ['three'])
    await expect(app.titles).toHaveText(['one', 'two', 'three'])
    await app.saved()
    await own.kill()
    await app.add('four')
    await expect(app.status).toHaveText(/^offline, 1 change waiting/)
    await expect(app.status).not.toContainText('year')
    await own.start()
    await app.saved()
    expect((await own.todos(list)).map(({ title }) => title)).toEqual(['one', 'two', 'three', 'four'])
  })
}

test('An invalid config.json gets a message', async ({ page, network, list }) => {
  network.fault = (request) => (request.url === '/config.json' ? { status: 200, headers: { 'Content-Type': 'application/json' }, body: '{"apiBase": "api.example.com"}' } : 'pass')
  const app = await new App(page, network.address, list).open()
  await expect(page.getByTestId('load-trouble')).toContainText('config.json, apiBase: expected "" or an address such as "https://api.example.com"')
  network.fault = () => 'pass'
  await app.saved()
})

test('A server whose store was emptied offers to put back what this device knows', async ({ page, own, list }) => {
  const app = await new App(page, own.address, list).open()
  await app.add('bread', 'salt')
  await app.saved()
  await own.empty()
  const word = page.getByText('The server went back to an older state of this list. 2 items are no longer in it.')
  await expect(word).toBeVisible()
  await expect(app.items).toHaveCount(0)
  await page.getByRole('button', { name: 'Undo' }).click()
  await expect(app.items).toHaveText(['bread', 'salt'])
  await app.saved()
  expect((await own.todos(list)).map((todo) => todo.title)).toEqual(['bread', 'salt'])
})
