import { App, expect, test } from './test'

test('The first visit loads few bytes', async ({ page, server, list }) => {
  await server.add(list, ['bread', 'salt', 'milk'])
  const session = await page.context().newCDPSession(page)
  const bytes = new Map<string, number>()
  const names = new Map<string, string>()
  const add = (id: string, length: number) => bytes.set(id, (bytes.get(id) ?? 0) + length)
  session.on('Network.requestWillBeSent', ({ requestId, request }) => names.set(requestId, new URL(request.url).pathname.replace(/-[\w-]{8}\./, '.').replace(/\/lists\/[^/]+/, '/lists/…')))
  session.on('Network.responseReceived', ({ requestId, response }) => add(requestId, response.encodedDataLength)) // its head
  session.on('Network.dataReceived', ({ requestId, encodedDataLength }) => add(requestId, encodedDataLength))
  await session.send('Network.enable')
  const app = await new App(page, server.address, list).open()
  await app.saved()
  await expect(page.getByRole('button', { name: 'New private list' })).toBeVisible()
  const table = [...bytes].map(([id, length]) => `${length} ${names.get(id)}`).join('\n')
  const total = [...bytes.values()].reduce((sum, length) => sum + length, 0)
  expect(total, `${table}\n${total} in all`).toBeLessThanOrEqual(61_000)
})
