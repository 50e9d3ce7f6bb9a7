import type { Server } from './server'
import { App, expect, signInAtProvider, testWithIssuer as base } from './test'
import type { Page } from '@playwright/test'

/** A server that requires a sign-in at a real provider. */
const test = base.extend<object, { server: Server }>({
  server: [
    async ({ issuer }, use) => {
      const server = await issuer.server()
      await use(server)
      await server.stop()
    },
    { scope: 'worker' },
  ],
})

/** Changes the token's expiry in the page's storage to the given number of seconds from now. */
async function expiresIn(page: Page, seconds: number) {
  await page.evaluate((at) => {
    for (const [key, text] of Object.entries<string>(localStorage)) {
      if (key.startsWith('oidc.user:')) localStorage.setItem(key, JSON.stringify({ ...(JSON.parse(text) as object), expires_at: at }))
    }
  }, Math.floor(Date.now() / 1000) + seconds)
}

/** Signs in on the provider's page. */
async function signInAs(page: Page, name: string) {
  await page.getByRole('button', { name: 'Sign in' }).first().click()
  await signInAtProvider(page, name)
}

test('Without a sign-in nothing is shown; a sign-in leads back to the list and its key', async ({ app, page, server, list }) => {
  expect((await fetch(server.url(list))).status).toBe(401)
  await app.open('#/active')
  await expect(page.getByText('Sign in to see this list')).toBeVisible()

  await signInAs(page, 'Ann')
  await expect(page.getByText('Signed in as Ann.')).toBeVisible()
  expect(page.url()).toBe(`${app.address}#/active`)
  await app.add('bread')
  await app.saved()

  await page.reload()
  await expect(app.titles).toHaveText(['bread'])
  await page.getByRole('button', { name: 'Sign out' }).click()
  await expect(page.getByText('Sign in to see this list')).toBeVisible()
})

test('Where the browser keeps nothing, it says what to allow', async ({ app, page }) => {
  await page.addInitScript(() => {
    const forbidden = () => {
      throw new DOMException('Access is denied for this document.', 'SecurityError')
    }
    for (const name of ['localStorage', 'sessionStorage', 'indexedDB', 'caches']) Object.defineProperty(window, name, { get: forbidden })
  })
  await app.open()
  await expect(page.getByText('To sign in, allow this page to store data on this device')).toBeVisible()
  await expect(page.getByRole('button', { name: 'Sign in' })).toHaveCount(0)
})

test('Where the audience is the client, its ID tokens are sent', async ({ page, issuer, list }) => {
  const server = await issuer.server('page')
  const app = await new App(page, server.address, list).open()
  await signInAs(page, 'Ann')
  await app.add('bread')
  await app.saved()
  await server.stop()
})

test('A token is renewed silently, and another window shares it', async ({ app, page, server, context, list }) => {
  await app.open()
  await signInAs(page, 'Ann')
  await app.add('bread')
  await app.saved()
  const sent = () => page.evaluate(() => Object.entries<string>(localStorage).find(([key]) => key.startsWith('oidc.user:'))?.[1])
  const before = await sent()
  await expiresIn(page, 30)
  await app.add('butter')
  await app.saved()
  expect(await sent()).not.toBe(before)
  const other = new App(await context.newPage(), server.address, list)
  await other.open()
  await expect(other.titles).toHaveText(['bread', 'butter'])
})

test('A token that the API refuses though it should be valid, as by a wrong clock, is renewed silently', async ({ page, issuer, server, network, list }) => {
  issuer.forget(`${network.address}/`)
  let refuse = ''
  let last = ''
  network.fault = ({ url, headers: { authorization = '' } }) => {
    if (!url?.startsWith('/api/')) return 'pass'
    last = authorization
    return refuse !== '' && authorization === refuse ? { status: 401, headers: { 'WWW-Authenticate': 'Bearer error="invalid_token"' } } : 'pass'
  }
  const app = await new App(page, network.address, list).open()
  await signInAs(page, 'Ann')
  await app.add('bread')
  await app.saved()
  refuse = last
  await app.add('butter')
  await expect.poll(() => last).not.toBe(refuse)
  await app.saved()
  await expect(page.getByText('Sign in to see this list')).toBeHidden()
  await page.reload()
  await expect(app.titles).toHaveText(['bread', 'butter'])
  issuer.forget(`${server.address}/`)
})

test('Sign-in ends in mid-edit offline, and nothing is lost', async ({ app, page, issuer, server, context }) => {
  await app.open()
  await signInAs(page, 'Ann')
  await app.add('bread')
  await app.saved()

  await context.setOffline(true)
  await app.titles.first().dblclick()
  await app.edit(0).fill('rye bread')
  issuer.forget(`${server.address}/`) // its refresh tokens too
  await expiresIn(page, -7200)
  await app.edit(0).press('Enter')
  await app.add('butter')
  await context.setOffline(false)
  await expect(page.getByText('Your changes are kept on this device until then.').first()).toBeVisible()
  await expect(app.titles).toHaveText(['rye bread', 'butter'])
  await app.kept(2)

  await signInAs(page, 'Ann')
  await app.saved()
  await expect(app.titles).toHaveText(['rye bread', 'butter'])
})

test('An issuer that is away is told as being offline, and changes wait', async ({ app, page, issuer, server }) => {
  await app.open()
  await signInAs(page, 'Ann')
  await app.add('bread')
  await app.saved()
  issuer.goAway()
  await expiresIn(page, -7200)
  await app.add('butter')
  await expect(app.status).toHaveText(/^offline, 1 change waiting/)
  await expect(app.titles).toHaveText(['bread', 'butter'])
  issuer.forget(`${server.address}/`)
})
