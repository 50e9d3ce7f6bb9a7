import { expect, test as base, type Browser, type Locator, type Page, type Request } from '@playwright/test'
import { Issuer } from './issuer'
import { kept } from './kept'
import { keepSecret } from './logs'
import { Proxy, Server } from './server'

interface PerTest {
  /** The name of a list that no other test uses. */
  list: string
  app: App
  network: Proxy
  /** A server for this test only, which the test may stop and restart. */
  own: Server
}

/** A test on a new list, with one real server per worker. */
export const test = base.extend<PerTest, { browser: Browser; server: Server }>({
  // No log may have a key or the name of a private list at the end of the run.
  browser: [
    async ({ browser }, use) => {
      const noted = new Set<string>()
      const newContext = browser.newContext.bind(browser)
      browser.newContext = async (options) => {
        const context = await newContext(options)
        context.on('request', (request) => {
          for (const secret of secretsIn(request)) {
            if (noted.has(secret)) continue
            noted.add(secret)
            keepSecret(secret)
          }
        })
        return context
      }
      await use(browser)
    },
    { scope: 'worker' },
  ],
  server: [
    // eslint-disable-next-line no-empty-pattern -- Playwright reads the fixtures from the pattern
    async ({}, use) => {
      const server = await Server.start()
      await use(server)
      await server.stop()
    },
    { scope: 'worker' },
  ],
  // eslint-disable-next-line no-empty-pattern -- as above
  list: async ({}, use, info) => use(`${info.title.replace(/[/\\]/g, '').slice(0, 60)} ${crypto.randomUUID().slice(0, 8)}`),
  app: async ({ page, server, list }, use) => use(new App(page, server.address, list)),
  network: async ({ server }, use) => {
    const network = await Proxy.start(server)
    await use(network)
    await network.stop()
  },
  // eslint-disable-next-line no-empty-pattern -- as above
  own: async ({}, use) => {
    const server = await Server.start()
    await use(server)
    await server.stop()
  },
})

/** Returns the key in a request, and the list's name if it is secret. */
function secretsIn(request: Request): string[] {
  const name = /\/api\/lists\/(k-[a-z2-7]{32}|[\w-]{22})(?:\/|$)/.exec(new URL(request.url()).pathname)?.[1]
  return [request.headers()['todo-key'], name].filter((secret) => secret !== undefined)
}

export { expect }

/** The page's parts, named as in TodoMVC and Playwright's demonstration. */
export class App {
  readonly page: Page
  readonly address: string
  readonly newTodo: Locator
  readonly items: Locator
  readonly titles: Locator
  readonly count: Locator
  readonly toggleAll: Locator
  readonly clearCompleted: Locator
  readonly main: Locator
  readonly footer: Locator
  readonly status: Locator
  readonly announcer: Locator
  readonly #list: string

  constructor(page: Page, server: string, list: string) {
    this.page = page
    this.#list = list
    this.address = `${server}/?list=${encodeURIComponent(list)}`
    this.newTodo = page.getByPlaceholder('What needs to be done?')
    this.items = page.getByTestId('todo-item')
    this.titles = page.getByTestId('todo-title')
    this.count = page.getByTestId('todo-count')
    this.toggleAll = page.getByLabel('Mark all as complete')
    this.clearCompleted = page.getByRole('button', { name: 'Clear completed' })
    this.main = page.locator('.main')
    this.footer = page.locator('.footer')
    this.status = page.getByTestId('status')
    this.announcer = page.getByTestId('announcer').locator('p')
  }

  async open(hash = ''): Promise<this> {
    await this.page.goto(this.address + hash)
    return this
  }

  async add(...titles: string[]) {
    for (const title of titles) {
      await this.newTodo.fill(title)
      await this.newTodo.press('Enter')
    }
  }

  item(index: number): Locator {
    return this.items.nth(index)
  }

  toggle(index: number): Locator {
    return this.item(index).getByRole('checkbox')
  }

  edit(index: number): Locator {
    return this.item(index).getByRole('textbox', { name: 'Edit' })
  }

  filter(name: 'All' | 'Active' | 'Completed'): Locator {
    return this.page.getByRole('link', { name })
  }

  /** Waits until the given number of changes wait on disk, so that the page may be left. */
  async kept(changes: number) {
    await kept((expression) => this.page.evaluate(expression), this.#list, changes)
  }

  async saved() {
    await expect(this.status).toHaveText(/^saved\./)
  }
}

/** Signs in on provider.js's page. */
export async function signInAtProvider(page: Page, name: string) {
  await page.getByPlaceholder('Enter any login').fill(name)
  await page.getByPlaceholder('and password').fill('any')
  await page.getByRole('button', { name: 'Sign-in' }).click()
  await page.getByRole('button', { name: 'Continue' }).click()
}

/** Pastes text into the field for new items. */
export async function paste(app: App, text: string) {
  await app.newTodo.evaluate((field, pasted) => {
    const clipboardData = new DataTransfer()
    clipboardData.setData('text/plain', pasted)
    field.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }))
  }, text)
}

/** A test with an issuer, one per worker. */
export const testWithIssuer = test.extend<object, { issuer: Issuer }>({
  issuer: [
    // eslint-disable-next-line no-empty-pattern -- Playwright reads the fixtures from the pattern
    async ({}, use) => {
      const issuer = await Issuer.start()
      await use(issuer)
      await issuer.stop()
    },
    { scope: 'worker' },
  ],
})
