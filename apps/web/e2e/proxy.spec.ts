import { spawn } from 'node:child_process'
import type { Page } from '@playwright/test'
import { freePort } from './server'
import { App, expect, signInAtProvider, testWithIssuer as base } from './test'

/** The proxy's sign-in page. */
type Away = 'redirect' | 'page'

// oauth2-proxy in front of a server that does not know it, as in docs/operating.md.
const test = base.extend<{ away: Away; app: App }>({
  away: ['redirect', { option: true }],
  app: async ({ page, list, issuer, own, away }, use) => {
    const port = await freePort()
    const address = `http://127.0.0.1:${port}`
    issuer.forget(`${address}/`)
    const proxy = spawn('oauth2-proxy', [
      `--http-address=127.0.0.1:${port}`, `--upstream=${own.address}`, `--redirect-url=${address}/oauth2/callback`,
      '--provider=oidc', `--oidc-issuer-url=${issuer.address}`, '--client-id=proxy', '--client-secret=secret', '--code-challenge-method=S256',
      '--scope=openid profile', '--oidc-email-claim=sub', '--email-domain=*',
      `--cookie-secret=${crypto.randomUUID().replaceAll('-', '')}`, '--cookie-secure=false',
      // Otherwise the redirect of one request replaces that of another, such as sw.js, which the browser requests with the page.
      '--cookie-csrf-per-request',
      ...(away === 'redirect' ? ['--skip-provider-button'] : []),
      '--request-logging=false', '--auth-logging=false', '--standard-logging=false',
    ], { stdio: 'inherit' })
    await expect.poll(() => fetch(`${address}/ping`).then(({ ok }) => ok, () => false)).toBe(true)
    await use(new App(page, address, list))
    proxy.kill('SIGKILL') // after SIGTERM it waits for streams
  },
})

async function enter(page: Page, away: Away) {
  if (away === 'page') await page.getByRole('button', { name: 'Sign in with OpenID Connect' }).click()
  await signInAtProvider(page, 'Ann')
}

for (const away of ['redirect', 'page'] as const) {
  test.describe(`A proxy in front that asks for sign-in by a ${away}`, () => {
    test.use({ away })

    test('lets the page and its stream pass, and when sign-in ends nothing is lost', async ({ app, page, context, list }) => {
      await app.open('#/active')
      await enter(page, away)
      await app.add('bread')
      // The fragment is lost at the provider's form, as a private list's key would be; the proxy's page puts it into its query.
      expect(new URL(page.url()).hash).toBe(away === 'page' ? '#/active' : '')
      await app.saved()

      const other = new App(await context.newPage(), new URL(app.address).origin, list)
      await other.open()
      await expect(other.titles).toHaveText(['bread'])
      await other.add('salt')
      await expect(app.titles).toHaveText(['bread', 'salt'])
      await other.saved() // otherwise its change would also wait on the device
      await other.page.close()

      await context.clearCookies()
      await app.add('butter')
      await expect(page.getByText('You may have to sign in again')).toBeVisible()
      await expect(app.titles).toHaveText(['bread', 'salt', 'butter'])
      await app.kept(1)

      await page.getByRole('button', { name: 'Sign in', exact: true }).click()
      await enter(page, away)
      await app.saved()
      await expect(app.titles).toHaveText(['bread', 'salt', 'butter'])
    })

    test('is told to those who only look, when their stream breaks', async ({ app, page, context, own }) => {
      await app.open()
      await enter(page, away)
      await app.saved()
      await context.clearCookies()
      await own.kill()
      await own.start()
      await expect(page.getByText('You may have to sign in again')).toBeVisible()
    })
  })
}
