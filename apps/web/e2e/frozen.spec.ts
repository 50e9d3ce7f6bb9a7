import { App, expect, test } from './test'
import type { Page } from '@playwright/test'

// A worker may run in the page's process, which is stopped here; a browser would freeze only the page.
test.use({ serviceWorkers: 'block' })

/**
 * Stops the process of a page, as systems do with hidden windows, until the returned function is called. Not by
 * CDP's Page.setWebLifecycleState, which has no effect on a page that Playwright keeps focused.
 */
async function freeze(page: Page): Promise<() => void> {
  const session = await page.context().browser()?.newBrowserCDPSession()
  if (!session) throw new Error('no browser')
  const { processInfo } = await session.send('SystemInfo.getProcessInfo')
  // CDP does not report a page's process: the page does not respond if its process is stopped.
  for (const { id } of processInfo.filter(({ type }) => type === 'renderer')) {
    process.kill(id, 'SIGSTOP')
    const silent = new Promise<boolean>((resolve) => setTimeout(resolve, 5_000, false))
    if (!(await Promise.race([page.evaluate(() => true), silent]))) return () => process.kill(id, 'SIGCONT')
    process.kill(id, 'SIGCONT')
  }
  throw new Error('the page has no process of its own')
}

test('A tab that the browser froze while it sent holds up no other, and goes on when it is thawed', async ({ page, context, network, server, list }) => {
  const app = await new App(page, network.address, list).open()
  await app.saved()
  network.fault = (request) => (request.url?.endsWith('/batch') ? 'hold' : 'pass')
  const sent = page.waitForRequest(/\/batch$/)
  await app.add('from the frozen one')
  await sent
  const thaw = await freeze(page)
  network.fault = () => 'pass'
  const other = await new App(await context.newPage(), network.address, list).open()
  await other.add('from the other')
  await other.saved()
  await expect.poll(async () => (await server.todos(list)).map(({ title }) => title)).toEqual(['from the frozen one', 'from the other'])
  thaw()
  await app.saved()
  await expect(app.titles).toHaveText(['from the frozen one', 'from the other'])
  await app.add('again')
  await expect(other.titles).toHaveText(['from the frozen one', 'from the other', 'again'])
  await app.saved()
  expect(await server.todos(list)).toHaveLength(3)
})

test('A window whose stream another window shared sees changes although that one was frozen', async ({ page, context, server, list }) => {
  const leader = await new App(page, server.address, list).open()
  await leader.saved()
  const follower = await new App(await context.newPage(), server.address, list).open()
  await follower.saved()
  const thaw = await freeze(page)
  await server.add(list, ['while it was frozen'])
  await expect(follower.titles).toHaveText(['while it was frozen'])
  thaw()
  await expect(leader.titles).toHaveText(['while it was frozen'])
  await leader.add('afterwards')
  await expect(follower.titles).toHaveText(['while it was frozen', 'afterwards'])
})

test('Back and forward show the list as it is', async ({ page, server, list }) => {
  const app = await new App(page, server.address, list).open()
  await app.add('before')
  await app.saved()
  await page.goto(`${server.address}/robots.txt`)
  await server.add(list, ['meanwhile'])
  await page.goBack()
  await expect(app.titles).toHaveText(['before', 'meanwhile'])
  await app.add('after')
  await app.saved()
  expect(await server.todos(list)).toHaveLength(3)
})
