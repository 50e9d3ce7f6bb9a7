import { App, expect, test } from './test'

test.describe('Two browsers on one list', () => {
  test('see each other’s changes without reload', async ({ app, browser, server, list }) => {
    await app.open()
    const other = await new App(await browser.newPage(), server.address, list).open()
    await app.add('bread', 'salt', 'milk')
    await expect(other.items).toHaveText(['bread', 'salt', 'milk'])
    await other.toggle(1).check()
    await expect(app.items).toHaveClass(['', 'completed', ''])
    await app.titles.nth(0).dblclick()
    await app.edit(0).fill('rye bread')
    await app.edit(0).press('Enter')
    await expect(other.items).toHaveText(['rye bread', 'salt', 'milk'])
    await other.item(2).getByRole('button', { name: /^Move/ }).press('Home')
    await expect(app.items).toHaveText(['milk', 'rye bread', 'salt'])
    await other.clearCompleted.click()
    await expect(app.items).toHaveText(['milk', 'rye bread'])
    await expect(app.announcer).toContainText(['Elsewhere: “salt” deleted.'])
    await app.saved()
    await other.saved()
    await other.page.close()
  })

  test('both keep what they add at the same time', async ({ app, browser, server, list }) => {
    await app.open()
    const other = await new App(await browser.newPage(), server.address, list).open()
    const titles = (who: string) => Array.from({ length: 10 }, (_, i) => `${who} ${i}`)
    await Promise.all([app.add(...titles('one')), other.add(...titles('two'))])
    for (const each of [app, other]) {
      await expect(each.items).toHaveCount(20)
      await each.saved()
    }
    expect((await server.todos(list)).map((todo) => todo.title).sort()).toEqual([...titles('one'), ...titles('two')].sort())
    // A landed item is last until the server has sent the list that contains it.
    await expect.poll(async () => (await other.titles.allTextContents()).join('\n') === (await app.titles.allTextContents()).join('\n')).toBe(true)
    await other.page.close()
  })
})

test.describe('An item that is being edited', () => {
  test.beforeEach(async ({ app, server, list }) => {
    await server.add(list, ['bread', 'salt'])
    await app.open()
    await app.titles.nth(0).dblclick()
    await app.edit(0).fill('white bread')
  })

  test('shows what another made of it, and is not overwritten', async ({ app, server, list }) => {
    await server.change(list, 'bread', { title: 'rye bread' })
    await expect(app.item(0)).toContainText('Someone has changed this item meanwhile to “rye bread”')
    await expect(app.edit(0)).toHaveValue('white bread')
    await app.newTodo.click() // leaving the field neither saves nor discards
    await expect(app.edit(0)).toHaveValue('white bread')
    expect((await server.todos(list))[0]?.title).toBe('rye bread')
    await app.item(0).getByRole('button', { name: 'Keep theirs' }).click()
    await expect(app.items).toHaveText(['rye bread', 'salt'])
  })

  test('overwrites what another made of it when the person says so', async ({ app, server, list }) => {
    await server.change(list, 'bread', { title: 'rye bread' })
    await expect(app.item(0)).toContainText('rye bread')
    await app.edit(0).press('Enter')
    await expect(app.items).toHaveText(['white bread', 'salt'])
    await app.saved()
    expect((await server.todos(list))[0]?.title).toBe('white bread')
  })

  test('stays when another deletes it, and is added again only when the person says so', async ({ app, server, list }) => {
    await server.delete(list, 'bread')
    await expect(app.item(0)).toContainText('Someone has deleted this item meanwhile')
    await expect(app.edit(0)).toHaveValue('white bread')
    await app.edit(0).press('Enter')
    await expect(app.items).toHaveText(['white bread', 'salt'])
    await app.saved()
    expect((await server.todos(list)).map((todo) => todo.title)).toEqual(['white bread', 'salt'])
  })

  test('stays under a filter that it no longer passes', async ({ app, server, list }) => {
    await app.edit(0).press('Escape')
    await app.filter('Active').click()
    await app.titles.nth(0).dblclick()
    await app.edit(0).fill('white bread')
    await server.change(list, 'bread', { completed: true })
    await expect(app.count).toHaveText('1 item left')
    await expect(app.edit(0)).toHaveValue('white bread')
    await app.edit(0).press('Enter')
    await expect(app.items).toHaveText(['salt'])
    await app.saved()
    expect((await server.todos(list))[0]).toMatchObject({ title: 'white bread', completed: true })
  })
})

test.describe('Seven windows of one browser', () => {
  const streams = (seen: readonly string[]) => seen.filter((request) => request.endsWith('/events?changes=true')).length

  test('on one list share a stream, and another goes on when its window is closed', async ({ app, context, network, server, list }) => {
    const windows: App[] = []
    for (let i = 0; i < 7; i++) {
      const window = await new App(i === 0 ? app.page : await context.newPage(), network.address, list).open()
      await window.saved()
      windows.push(window)
    }
    await server.add(list, ['bread'])
    for (const window of windows) await expect(window.items).toHaveText(['bread'])
    expect(streams(network.seen)).toBe(1)
    await windows[0]?.page.close()
    await server.add(list, ['salt'])
    for (const window of windows.slice(1)) await expect(window.items).toHaveText(['bread', 'salt'])
    await windows[6]?.add('milk')
    await windows[6]?.saved()
    for (const window of windows.slice(1)) await expect(window.items).toHaveText(['bread', 'salt', 'milk'])
  })

  test('on seven lists all load, save and hear of changes', async ({ app, context, server, list }) => {
    const windows: { app: App; name: string }[] = []
    for (let i = 0; i < 7; i++) {
      const name = `${list} ${i}`
      const window = await new App(i === 0 ? app.page : await context.newPage(), server.address, name).open()
      await window.saved()
      windows.push({ app: window, name })
    }
    for (const { app: window } of windows) await window.add('bread')
    for (const { app: window, name } of windows) {
      await window.saved()
      expect((await server.todos(name)).map(({ title }) => title)).toEqual(['bread'])
      await server.add(name, ['salt'])
    }
    for (const { app: window } of windows) await expect(window.items).toHaveText(['bread', 'salt'])
  })
})

test('A reconnect catches up', async ({ page, own, list }) => {
  const app = await new App(page, own.address, list).open()
  await app.add('bread')
  await app.saved()
  await own.kill()
  await expect(app.status).toHaveText(/^offline\./)
  await own.start()
  await own.add(list, ['salt'])
  await expect(app.items).toHaveText(['bread', 'salt'])
  await app.saved()
  await own.add(list, ['milk'])
  await expect(app.items).toHaveText(['bread', 'salt', 'milk'])
})

test('Where streams do not get through, the list is asked for again and again', async ({ page, network, server, list }) => {
  network.fault = (request) => (request.url?.endsWith('/events?changes=true') ? { status: 502 } : 'pass')
  const app = await new App(page, network.address, list).open()
  await app.saved()
  await server.add(list, ['salt'])
  await expect(app.items).toHaveText(['salt'])
})
