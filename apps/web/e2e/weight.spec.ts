import { App, expect, test } from './test'

// Everything that the page requests until the list is shown, live and editable. Parts are loaded at their first use, and the service
// worker caches them afterwards for use offline: neither counts.
test('The first visit loads few bytes', async ({ page, server, list }) => {
  await server.add(list, ['bread', 'salt', 'milk'])
  const session = await page.context().newCDPSession(page)
  const bytes = new Map<string, number>()
  const names = new Map<string, string>()
  const add = (id: string, length: number) => bytes.set(id, (bytes.get(id) ?? 0) + length)
  session.on('Network.requestWillBeSent', ({ requestId, request }) => names.set(requestId, new URL(request.url).pathname.replace(/-[\w-]{8}\./, '.').replace(/\/lists\/[^/]+/, '/lists/…')))
  session.on('Network.responseReceived', ({ requestId, response }) => add(requestId, response.encodedDataLength)) // its headers
  session.on('Network.dataReceived', ({ requestId, encodedDataLength }) => add(requestId, encodedDataLength))
  const coming = new Set<string>()
  session.on('Network.requestWillBeSent', ({ requestId, request }) => request.url.endsWith('/events?changes=true') || coming.add(requestId))
  session.on('Network.loadingFinished', ({ requestId }) => coming.delete(requestId))
  await session.send('Network.enable')
  const app = await new App(page, server.address, list).open()
  await app.saved()
  await expect(page.getByRole('button', { name: 'New private list' })).toBeVisible()
  await expect.poll(() => coming.size).toBe(0)
  // Each address once: a slow page reads the list twice.
  const answers = new Map<string, number>()
  for (const [id, length] of bytes) {
    const name = names.get(id) ?? ''
    if (name === '/icon.svg') continue // for the tab, which the headless shell has not
    answers.set(name, Math.max(length, answers.get(name) ?? 0))
  }
  const table = [...answers].map(([name, length]) => `${length} ${name}`).join('\n')
  const total = [...answers.values()].reduce((sum, length) => sum + length, 0)
  expect(total, `${table}\n${total} in all`).toBeLessThanOrEqual(55_250)
})
