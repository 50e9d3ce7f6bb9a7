import { randomBytes } from 'node:crypto'
import { expect, paste, test } from './test'

// In a file without traces, which would take a snapshot of 5,000 items at each step.
test.use({ trace: 'off' })

test('10,000 pasted lines get a message, and as many as the list can take are added', async ({ app, server, list }) => {
  await app.open()
  await paste(app, Array.from({ length: 10_000 }, (_, i) => `line ${i}`).join('\n'))
  await expect(app.page.getByText('10,000 lines were pasted. A list can have at most 5,000 items, and this one has room for 5,000 more.')).toBeVisible()
  await expect(app.items).toHaveCount(0)
  await app.page.getByRole('button', { name: 'Add the first 5,000' }).click()
  await expect(app.count).toHaveText('5000 items left')
  await expect(app.status).toHaveText(/^saved\./, { timeout: 60_000 })
  const titles = (await server.todos(list)).map((todo) => todo.title)
  expect(titles).toHaveLength(5000)
  expect(titles[4999]).toBe('line 4999')

  await app.add('one more')
  await expect(app.page.getByText('This list is full: it has 5,000 items.')).toBeVisible()
  await expect(app.newTodo).toHaveValue('one more')
})

test('A list of hundreds is shown whole, and what is added to it', async ({ app, server, list }) => {
  const titles = Array.from({ length: 300 }, (_, i) => `item ${i}`)
  await server.add(list, titles)
  await app.open()
  await expect(app.titles).toHaveText(titles)
  await app.add('one more')
  await expect(app.titles).toHaveText([...titles, 'one more'])
})

test('A list that takes longer than any answer may be silent is shown on a slow network', async ({ app, page, server, list }) => {
  // 300 KB that cannot be compressed: 25 s at 12 KB a second.
  await server.add(list, Array.from({ length: 200 }, () => randomBytes(1_500).toString('base64')))
  const session = await page.context().newCDPSession(page)
  await session.send('Network.enable')
  await session.send('Network.emulateNetworkConditions', { offline: false, latency: 500, downloadThroughput: 12_000, uploadThroughput: 12_000 })
  await app.open()
  await expect(app.items).toHaveCount(200, { timeout: 120_000 })
  await app.add('bread')
  await expect.poll(async () => (await server.todos(list)).at(-1)?.title).toBe('bread')
})
