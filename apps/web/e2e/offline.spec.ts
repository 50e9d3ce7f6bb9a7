import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium, type Page } from '@playwright/test'
import { App, expect, test } from './test'

async function installed(page: Page) {
  await page.evaluate(async () => {
    await navigator.serviceWorker.ready
  })
}

test('Opens without network after the first visit', async ({ page, own, list }) => {
  const app = await new App(page, own.address, list).open()
  await app.add('bread')
  await app.saved()
  await installed(page)
  await own.kill()
  await page.reload()
  await expect(app.items).toHaveText(['bread'])
  await expect(app.status).toHaveText(/^offline\./)
  // A list that was never opened on this device opens too and shows the reason.
  const other = await new App(page, own.address, `${list} 2`).open()
  await expect(page.getByTestId('load-trouble')).toContainText('could not be loaded yet')
  await expect(other.items).toHaveCount(0)
})

for (const status of [408, 425, 429, 503]) {
  test(`Opens the cached page when the server responds with ${status}`, async ({ page, network, server, list }) => {
    await server.add(list, ['bread'])
    const app = await new App(page, network.address, list).open()
    await app.saved()
    await installed(page)
    network.fault = ({ url }) => (/^\/(\?|config)/.test(url ?? '') ? { status, headers: { 'Retry-After': '60' } } : 'pass')
    await page.reload()
    await expect(app.items).toHaveText(['bread'])
    await app.saved()
  })
}

test('A sign-in page is not cached as config.json', async ({ page, network, server, list }) => {
  await server.add(list, ['bread'])
  const app = await new App(page, network.address, list).open()
  await app.saved()
  await installed(page)
  network.fault = ({ url }) => (url === '/config.json' ? { status: 200, headers: { 'Content-Type': 'text/html' }, body: '<!doctype html><title>Sign in to the train’s network</title>' } : 'pass')
  await page.reload()
  await expect(page.getByText('You may have to sign in again')).toBeVisible()
  await network.stop()
  await page.reload()
  await expect(app.items).toHaveText(['bread'])
  await expect(app.status).toHaveText(/^offline\./)
  await expect(page.getByText('You may have to sign in again')).toHaveCount(0)
})

test('Changes made offline survive a reload, and land once and in order when the network returns', async ({ page, own, list }) => {
  await own.add(list, ['bread', 'salt', 'milk'])
  const app = await new App(page, own.address, list).open()
  await expect(app.items).toHaveCount(3)
  await installed(page)
  await own.kill()
  await app.add('cheese')
  await app.toggle(0).check()
  await app.titles.nth(1).dblclick()
  await app.edit(1).fill('sea salt')
  await app.edit(1).press('Enter')
  await app.item(2).hover()
  await app.item(2).getByRole('button', { name: 'Delete milk' }).click()
  await expect(app.status).toHaveText(/^offline, 4 changes waiting\./)
  const want = ['bread', 'sea salt', 'cheese']
  await expect(app.items).toHaveText(want)
  await app.kept(4)

  await page.reload()
  await expect(app.items).toHaveText(want)
  await expect(app.items).toHaveClass(['completed', '', ''])
  await expect(app.status).toHaveText(/^offline, 4 changes waiting\./)

  await own.start()
  await app.saved()
  expect((await own.todos(list)).map(({ title, completed }) => ({ title, completed }))).toEqual([
    { title: 'bread', completed: true },
    { title: 'sea salt', completed: false },
    { title: 'cheese', completed: false },
  ])
})

test('Changes made offline survive a restart of the browser', async ({ own, list, launchOptions }) => {
  const profile = mkdtempSync(join(tmpdir(), 'todo-profile-'))
  try {
    const first = await chromium.launchPersistentContext(profile, launchOptions)
    const before = await new App(await first.newPage(), own.address, list).open()
    await before.saved()
    await installed(before.page)
    await own.kill()
    await before.add('bread', 'salt')
    await expect(before.status).toHaveText(/^offline, 2 changes waiting\./)
    await before.kept(2)
    await first.close()

    const second = await chromium.launchPersistentContext(profile, launchOptions)
    const app = await new App(await second.newPage(), own.address, list).open()
    await expect(app.items).toHaveText(['bread', 'salt'])
    await own.start()
    await app.saved()
    expect((await own.todos(list)).map((todo) => todo.title)).toEqual(['bread', 'salt'])
    await second.close()
  } finally {
    rmSync(profile, { recursive: true, force: true })
  }
})

test('A change whose answer is lost lands once', async ({ page, network, server, list }) => {
  let lost = 0
  network.fault = (request) => (request.url?.endsWith('/batch') && lost++ < 3 ? 'lose answer' : 'pass')
  const app = await new App(page, network.address, list).open()
  await app.add('bread')
  await expect.poll(() => lost).toBeGreaterThan(3)
  await app.saved()
  await expect(app.items).toHaveText(['bread'])
  expect(await server.todos(list)).toHaveLength(1)
})

test('A change whose answer is lost is not repeated over what another did since', async ({ page, network, server, list }) => {
  await server.add(list, ['bread'])
  let batches = 0
  network.fault = (request) => {
    if (!request.url?.endsWith('/batch')) return 'pass'
    return batches++ === 0 ? 'lose answer' : batches > 2 ? 'pass' : { status: 503, headers: { 'Retry-After': '1' } }
  }
  const app = await new App(page, network.address, list).open()
  await app.toggle(0).check()
  await expect.poll(async () => (await server.todos(list))[0]?.completed).toBe(true)
  await server.change(list, 'bread', { completed: false })
  await expect.poll(() => batches).toBeGreaterThan(2)
  await app.saved()
  await expect(app.items).toHaveClass([''])
  expect((await server.todos(list))[0]?.completed).toBe(false)
})

test('Changes that wait for one list are counted and sent while another is open', async ({ page, network, server, list }) => {
  const other = `${list} B`
  await server.add(list, ['bread'])
  network.fault = (request) => (request.url?.endsWith('/batch') ? { status: 503, headers: { 'Retry-After': '1' } } : 'pass')
  const one = await new App(page, network.address, list).open()
  await expect(one.items).toHaveText(['bread'])
  await one.add('salt', 'milk')
  await expect(one.status).toHaveText(/^2 changes waiting\./)
  await one.kept(2)
  const two = await new App(page, network.address, other).open()
  await expect(two.status).toHaveText(/^saved here, 2 waiting in other lists\./)
  await expect(page.getByRole('listitem').filter({ hasText: list })).toContainText('2 waiting')
  network.fault = () => 'pass'
  await two.saved()
  await expect(page.getByRole('listitem').filter({ hasText: list })).not.toContainText('waiting')
  expect((await server.todos(list)).map((todo) => todo.title)).toEqual(['bread', 'salt', 'milk'])
})

test('A server that is killed and started again in mid-edit costs nothing', async ({ page, own, list }) => {
  await own.add(list, ['bread'])
  const app = await new App(page, own.address, list).open()
  await app.titles.nth(0).dblclick()
  await app.edit(0).fill('white bread')
  await own.kill()
  await expect(app.status).toHaveText(/^offline\./)
  await expect(app.edit(0)).toHaveValue('white bread')
  await own.start()
  await app.saved()
  await expect(app.edit(0)).toHaveValue('white bread')
  await own.kill()
  await app.edit(0).press('Enter')
  await expect(app.items).toHaveText(['white bread'])
  await expect(app.status).toHaveText(/^offline, 1 change waiting\./)
  await own.start()
  await app.saved()
  expect((await own.todos(list)).map((todo) => todo.title)).toEqual(['white bread'])
})

for (const [what, fault] of Object.entries({
  'a 503': { status: 503, headers: { 'Retry-After': '1' }, body: '{"type":"about:blank","title":"Service Unavailable","status":503,"detail":"The store does not answer."}' },
  'a 404': { status: 404, body: '{"title":"Not Found","status":404}' },
  'a sign-in page': { status: 200, headers: { 'Content-Type': 'text/html' }, body: '<!doctype html><title>Sign in to the train’s network</title>' },
  'an empty answer': { status: 200, headers: { 'Content-Type': 'application/json' }, body: '' },
})) {
  test(`Loading that gives ${what} is never an empty list and never a write`, async ({ page, network, server, list }) => {
    await server.add(list, ['bread'])
    network.fault = (request) => (request.url?.startsWith('/api/') ? fault : 'pass')
    const app = await new App(page, network.address, list).open()
    await expect(page.getByTestId('load-trouble')).toContainText('This list could not be loaded yet.')
    await expect(app.main).toBeHidden()
    await expect(app.footer).toBeHidden()
    expect(network.seen.filter((request) => !request.startsWith('GET '))).toEqual([])
    expect(network.seen.filter((request) => request.includes('/state/'))).toEqual([])

    await app.add('salt')
    await expect(app.items).toHaveText(['salt'])
    await expect(app.status).toHaveText(/^1 change waiting\./)
    expect((await server.todos(list)).map((todo) => todo.title)).toEqual(['bread'])

    network.fault = () => 'pass'
    // The page tries again automatically.
    await expect(app.items).toHaveText(['bread', 'salt'])
    await app.saved()
    expect((await server.todos(list)).map((todo) => todo.title)).toEqual(['bread', 'salt'])
  })
}

test('“Try now” asks at once a server that named a later time', async ({ page, network, server, list }) => {
  await server.add(list, ['bread'])
  network.fault = (request) => (request.url?.startsWith('/api/') ? { status: 503, headers: { 'Retry-After': '600' } } : 'pass')
  const app = await new App(page, network.address, list).open()
  await expect(page.getByTestId('load-trouble')).toBeVisible()
  network.fault = () => 'pass'
  await page.getByRole('button', { name: 'Try now' }).click()
  await expect(app.items).toHaveText(['bread'])
  await app.saved()
})

test('A refused change is rolled back and told, and the notice stays until it is dismissed', async ({ page, own, list }) => {
  await own.add(list, ['bread', 'salt'])
  const app = await new App(page, own.address, list).open()
  await expect(app.items).toHaveCount(2)
  await installed(page)
  await own.kill()
  await app.titles.nth(0).dblclick()
  await app.edit(0).fill('white bread')
  await app.edit(0).press('Enter')
  await expect(app.status).toHaveText(/^offline, 1 change waiting\./)
  await app.kept(1)
  await page.close() // so that it does not see the next change before its own is refused
  await own.start()
  await own.delete(list, 'bread')

  const again = await new App(await page.context().newPage(), own.address, list).open()
  const word = again.page.getByRole('alert').filter({ hasText: 'was deleted by someone else' })
  await expect(word).toContainText('“bread” was deleted by someone else, so your change to it could not be kept (“white bread”).')
  await expect(again.items).toHaveText(['salt'])
  await again.page.reload()
  await expect(word).toBeVisible()
  await word.getByRole('button', { name: 'Add it again' }).click()
  await expect(word).toBeHidden()
  await expect(again.items).toHaveText(['salt', 'white bread'])
  await again.saved()
  await again.page.reload()
  await expect(again.items).toHaveText(['salt', 'white bread'])
  await expect(word).toBeHidden()
})

for (const [button, want] of [['Use “rye bread”', 'rye bread'], ['Keep “white bread”', 'white bread']] as const) {
  test(`Two renames of one item that meet offer both titles: ${button}`, async ({ page, network, server, list }) => {
    await server.add(list, ['bread'])
    const app = await new App(page, network.address, list).open()
    await expect(app.items).toHaveText(['bread'])
    network.fault = (request) => (request.url?.endsWith('/batch') ? { status: 503, headers: { 'Retry-After': '1' } } : 'pass')
    await app.titles.nth(0).dblclick()
    await app.edit(0).fill('rye bread')
    await app.edit(0).press('Enter')
    await server.change(list, 'bread', { title: 'white bread' })
    network.fault = () => 'pass'
    const word = page.getByRole('alert').filter({ hasText: 'was renamed to “white bread” elsewhere, while you renamed it to “rye bread”' })
    await expect(word).toBeVisible()
    await expect(app.items).toHaveText(['white bread'])
    await page.reload() // the notice stays until it is answered
    await word.getByRole('button', { name: button }).click()
    await expect(word).toBeHidden()
    await app.saved()
    await expect.poll(async () => (await server.todos(list)).map((todo) => todo.title)).toEqual([want])
  })
}

test('Two tabs share one outbox and send each change once', async ({ page, network, server, list }) => {
  const sent: string[] = []
  let open = false
  network.fault = (request) => {
    if (!request.url?.endsWith('/batch')) return 'pass'
    if (!open) return { status: 503, headers: { 'Retry-After': '1' } }
    request.on('data', (chunk: Buffer) => sent.push(...Array.from(chunk.toString().matchAll(/"title":"(\w+)"/g), ([, title = '']) => title)))
    return 'pass'
  }
  const one = await new App(page, network.address, list).open()
  const two = await new App(await page.context().newPage(), network.address, list).open()
  await one.add('bread')
  await expect(two.items).toHaveText(['bread'])
  await two.add('salt')
  await expect(one.items).toHaveText(['bread', 'salt'])
  for (const tab of [one, two]) await expect(tab.status).toHaveText(/2 changes waiting\./)
  open = true
  for (const tab of [one, two]) {
    await tab.saved()
    await expect(tab.items).toHaveText(['bread', 'salt'])
  }
  expect(sent.sort()).toEqual(['bread', 'salt'])
  expect((await server.todos(list)).map((todo) => todo.title)).toEqual(['bread', 'salt'])
})

test('A deleted item and cleared ones come back by undo, also offline', async ({ page, own, list }) => {
  await own.add(list, ['bread', 'salt', 'milk'])
  const app = await new App(page, own.address, list).open()
  const undo = page.getByRole('button', { name: 'Undo', exact: true })
  await app.item(1).hover()
  await app.item(1).locator('.destroy').click()
  await expect(app.items).toHaveText(['bread', 'milk'])
  await app.saved()
  await undo.click()
  await expect(app.items).toHaveText(['bread', 'salt', 'milk'])
  await expect(undo).toBeHidden()
  await app.saved()

  await own.kill()
  await app.toggle(0).check()
  await app.toggle(2).check()
  await app.clearCompleted.click()
  await expect(app.items).toHaveText(['salt'])
  await undo.click()
  await expect(app.items).toHaveText(['bread', 'salt', 'milk'])
  await expect(app.items).toHaveClass(['completed', '', 'completed'])
  await own.start()
  await app.saved()
  expect((await own.todos(list)).map(({ title, completed }) => `${title} ${completed}`)).toEqual(['bread true', 'salt false', 'milk true'])
})

test('The draft of an item survives when the browser discards the tab, until it is added', async ({ page, app, list, server }) => {
  await app.open()
  await app.newTodo.fill('half a sent')
  await page.reload() // as when the tab is looked at again
  await expect(app.newTodo).toHaveValue('half a sent')
  const other = await new App(page, server.address, `${list} 2`).open()
  await expect(other.newTodo).toHaveValue('')
  await app.open()
  await app.newTodo.press('Enter')
  await expect(app.titles).toHaveText(['half a sent'])
  await app.saved()
  await page.reload()
  await expect(app.titles).toHaveText(['half a sent'])
  await expect(app.newTodo).toHaveValue('')
})

test('A page whose script does not come says so', async ({ page, network, list }) => {
  network.fault = ({ url }) => (/^\/assets\/.*\.js$/.test(url ?? '') ? { status: 404 } : 'pass')
  const app = await new App(page, network.address, list).open()
  const word = page.getByText('This page needs JavaScript, which has not come.')
  await expect(word).toHaveCount(1)
  await expect(word).toBeVisible()
  network.fault = () => 'pass'
  await page.reload()
  await app.saved()
  await expect(word).toHaveCount(0)
})

test('A new version of the page is offered by a notice, and never cuts into an edit by itself', async ({ page, network, server, list }) => {
  const app = await new App(page, network.address, list).open()
  await app.add('bread')
  await app.saved()
  await installed(page)
  await page.reload() // now with the service worker
  await app.titles.nth(0).dblclick()
  await app.edit(0).fill('white bread')
  const worker = await (await fetch(`${server.address}/sw.js`)).text()
  const newer = worker.replace(/version['"`]?:['"`]/, '$&next-')
  expect(newer).not.toBe(worker)
  network.fault = (request) => (request.url === '/sw.js' ? { status: 200, headers: { 'Content-Type': 'text/javascript' }, body: newer } : 'pass')
  await page.evaluate(async () => (await navigator.serviceWorker.ready).update())
  await expect(page.getByText('A new version of this page is ready.')).toBeVisible()
  await expect(app.edit(0)).toHaveValue('white bread')
  await app.edit(0).press('Enter')
  await app.saved()
  const loaded = page.waitForEvent('load')
  await page.getByRole('button', { name: 'Reload' }).click()
  await loaded
  await expect(app.items).toHaveText(['white bread'])
  // Of the previous version, for open pages, and of this one.
  await expect.poll(() => page.evaluate(async () => (await caches.keys()).map((name) => name.startsWith('todo-page-next-')))).toEqual([false, true])
})

test.describe('Without a service worker', () => {
  test.use({ serviceWorkers: 'block' })

  test('a part of the page that does not come is told and comes at the next try, and what was typed stays', async ({ page, network, list }) => {
    const app = await new App(page, network.address, list).open()
    await app.add('bread')
    await app.saved()
    await app.newTodo.fill('half a sent')
    network.fault = (request) => (request.url?.startsWith('/assets/') ? { status: 404 } : 'pass')
    await page.getByRole('button', { name: 'Share' }).click()
    await expect(page.getByText('This part of the page could not be loaded.')).toBeVisible()
    network.fault = () => 'pass'
    await page.getByRole('button', { name: 'Share' }).click()
    await expect(page.getByRole('dialog')).toBeVisible()
    await expect(page.getByText('This part of the page could not be loaded.')).toHaveCount(0)
    await page.getByRole('button', { name: 'Close' }).click()
    await expect(app.newTodo).toHaveValue('half a sent')
  })

  test('the notice about a refused change comes when the server is back, if the part that says it did not come at first', async ({ page, network, server, list }) => {
    await server.add(list, ['bread'])
    const app = await new App(page, network.address, list).open()
    await app.saved()
    network.fault = ({ url, method }) => (url?.startsWith('/assets/') ? { status: 404 } : method === 'POST' ? { status: 422, body: '{"detail":"No rye here."}' } : 'pass')
    await app.toggle(0).click()
    await expect(page.getByText('This part of the page could not be loaded.')).toBeVisible()
    await expect(page.getByText('No rye here.')).toHaveCount(0)
    await page.context().setOffline(true)
    await expect(app.status).toHaveText(/^offline/)
    network.fault = () => 'pass'
    await page.context().setOffline(false)
    await expect(page.getByText('No rye here.')).toBeVisible()
    await expect(page.getByText('This part of the page could not be loaded.')).toHaveCount(0)
  })
})

test('The service worker keeps the page and never an answer of the API', async ({ page, own, list }) => {
  const app = await new App(page, own.address, list).open()
  await installed(page)
  await page.reload()
  await app.add('bread')
  await app.saved()
  const kept = await page.evaluate(async () => {
    const addresses: string[] = []
    for (const name of await caches.keys()) for (const request of await (await caches.open(name)).keys()) addresses.push(new URL(request.url).pathname)
    return addresses
  })
  expect(kept).toContain('/')
  expect(kept.filter((path) => path.startsWith('/api'))).toEqual([])
})

test('What waits is sent by the service worker when the page is closed', async ({ own, list, launchOptions }) => {
  // Background sync is off in the headless shell.
  const path = process.env['CHROMIUM']
  const browser = await chromium.launch({ ...launchOptions, ...(path ? { executablePath: path } : { channel: 'chromium' }) })
  const context = await browser.newContext()
  const page = await context.newPage()
  const app = await new App(page, own.address, list).open()
  await app.add('bread')
  await app.saved()
  await installed(page)
  await own.kill()
  await app.add('salt')
  await expect(app.status).toHaveText(/^offline, 1 change waiting\./)
  // Registered after the first attempt failed.
  await expect.poll(() => page.evaluate(async () => ((await navigator.serviceWorker.ready) as unknown as { sync: { getTags: () => Promise<string[]> } }).sync.getTags())).toEqual(['todo-outbox'])
  const session = await context.newCDPSession(await context.newPage())
  const registration = new Promise<string>((resolve) => {
    session.on('ServiceWorker.workerRegistrationUpdated', ({ registrations }) => {
      const [first] = registrations
      if (first) resolve(first.registrationId)
    })
  })
  await session.send('ServiceWorker.enable')
  const registrationId = await registration
  await page.close()
  await own.start()
  await session.send('ServiceWorker.dispatchSyncEvent', { origin: own.address, registrationId, tag: 'todo-outbox', lastChance: false })
  await expect.poll(async () => (await own.todos(list)).map((todo) => todo.title)).toEqual(['bread', 'salt'])
  await browser.close()
})
