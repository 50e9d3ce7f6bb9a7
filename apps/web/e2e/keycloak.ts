import { spawn } from 'node:child_process'
import { freePort, Server } from './server'
import { expect, test } from './test'

// `make keycloak`: sign-in at Keycloak, which many teams run. It is not a test, because Keycloak has 180 MB and starts in a minute; the tests' provider starts in milliseconds.
test('Ann signs in at Keycloak, edits, and her token is renewed', async ({ page, list, context }) => {
  test.setTimeout(1_200_000)
  const keycloak = await Keycloak.start()
  try {
    // The server requests the issuer's keys before its page has an address to register.
    const server = await Server.start({ TODO_OIDC_ISSUER: keycloak.issuer, TODO_OIDC_AUDIENCE: audience, TODO_OIDC_CLIENT_ID: 'page', TODO_OIDC_SCOPE: 'openid profile' })
    try {
      await keycloak.knowPage(`${server.address}/`)
      expect((await fetch(server.url(list))).status).toBe(401)

      await page.goto(`${server.address}/?list=${encodeURIComponent(list)}#/active`)
      await page.getByRole('button', { name: 'Sign in' }).first().click()
      await page.getByRole('textbox', { name: 'Username' }).fill('ann')
      await page.getByRole('textbox', { name: 'Password' }).fill(password)
      await page.getByRole('button', { name: 'Sign In' }).click()
      await expect(page.getByText('Signed in as Ann Lee.')).toBeVisible()
      expect(new URL(page.url()).hash).toBe('#/active')

      const entry = page.getByPlaceholder('What needs to be done?')
      const titles = page.getByTestId('todo-title')
      const status = page.getByTestId('status')
      await entry.fill('bread')
      await entry.press('Enter')
      await expect(status).toHaveText(/^saved\./)
      await page.reload()
      await expect(titles).toHaveText(['bread'])

      // Another window, which also has her token, shows what she adds: each request has renewed the token.
      const token = () => page.evaluate(() => Object.entries<string>(localStorage).find(([key]) => key.startsWith('oidc.user:'))?.[1])
      const before = await token()
      const window = await context.newPage()
      await window.goto(page.url())
      await expect(window.getByTestId('todo-title')).toHaveText(['bread'])
      await entry.fill('butter')
      await entry.press('Enter')
      await expect(window.getByTestId('todo-title')).toHaveText(['bread', 'butter'])
      await expect(status).toHaveText(/^saved\./)
      expect(await token()).not.toBe(before)

      await page.getByRole('button', { name: 'Sign out' }).click()
      await expect(page.getByText('Sign in to see this list')).toBeVisible()
    } finally {
      await server.stop()
    }
  } finally {
    keycloak.stop()
  }
})

const audience = 'https://todo.example'
const password = crypto.randomUUID()

/** A Keycloak in memory, with a realm in which Ann has an account. */
class Keycloak {
  readonly #address: string
  readonly #group: number
  #token = ''

  private constructor(address: string, group: number) {
    this.#address = address
    this.#group = group
  }

  static async start(): Promise<Keycloak> {
    const port = await freePort()
    const { pid } = spawn(process.env['KEYCLOAK'] ?? 'kc.sh', ['start-dev', '--db=dev-mem', '--http-host=127.0.0.1', `--http-port=${port}`], {
      env: { ...process.env, KC_BOOTSTRAP_ADMIN_USERNAME: 'admin', KC_BOOTSTRAP_ADMIN_PASSWORD: password },
      stdio: ['ignore', 'inherit', 'inherit'],
      detached: true, // a new process group, because the script starts Java
    })
    if (pid === undefined) throw new Error('Keycloak did not start')
    const keycloak = new Keycloak(`http://127.0.0.1:${port}`, pid)
    try {
      await expect.poll(() => fetch(`${keycloak.#address}/realms/master`).then(({ ok }) => ok, () => false), { timeout: 900_000 }).toBe(true)
      const login = new URLSearchParams({ grant_type: 'password', client_id: 'admin-cli', username: 'admin', password })
      const answer = await fetch(`${keycloak.#address}/realms/master/protocol/openid-connect/token`, { method: 'POST', body: login })
      keycloak.#token = ((await answer.json()) as { access_token: string }).access_token
      await keycloak.#make('/admin/realms', {
        realm: 'todo',
        enabled: true,
        accessTokenLifespan: 60, // the page renews a token with at most this remaining lifetime
        users: [{ username: 'ann', firstName: 'Ann', lastName: 'Lee', email: 'ann@example.com', emailVerified: true, enabled: true, credentials: [{ type: 'password', value: password }] }],
      })
    } catch (cause) {
      keycloak.stop()
      throw cause
    }
    return keycloak
  }

  get issuer(): string {
    return `${this.#address}/realms/todo`
  }

  /** Creates the client `page` with its redirect address. */
  async knowPage(address: string): Promise<void> {
    await this.#make('/admin/realms/todo/clients', {
      clientId: 'page',
      publicClient: true,
      redirectUris: [address],
      webOrigins: ['+'],
      attributes: { 'pkce.code.challenge.method': 'S256' },
      protocolMappers: [{ name: 'audience', protocol: 'openid-connect', protocolMapper: 'oidc-audience-mapper', config: { 'included.custom.audience': audience, 'access.token.claim': 'true' } }],
    })
  }

  stop(): void {
    process.kill(-this.#group, 'SIGKILL')
  }

  async #make(path: string, body: object): Promise<void> {
    const answer = await fetch(this.#address + path, { method: 'POST', headers: { Authorization: `Bearer ${this.#token}`, 'Content-Type': 'application/json' }, body: JSON.stringify(body) })
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
  }
}
