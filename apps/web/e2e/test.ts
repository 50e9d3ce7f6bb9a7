import { expect, test as base, type Locator, type Page } from '@playwright/test'
import { Proxy, Server } from './server'

interface PerTest {
  /** The name of a list that no other test uses. */
  list: string
  app: App
  network: Proxy
}

/** A test against one real server for each worker, on a list of its own. */
export const test = base.extend<PerTest, { server: Server }>({
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
})

export { expect }

/** The page, by the names that TodoMVC and Playwright's demonstration give its parts. */
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

  constructor(page: Page, server: string, list: string) {
    this.page = page
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

  async saved() {
    await expect(this.status).toHaveText(/^saved\./)
  }
}

/** Pastes a text into the field for new items. */
export async function paste(app: App, text: string) {
  await app.newTodo.evaluate((field, pasted) => {
    const clipboardData = new DataTransfer()
    clipboardData.setData('text/plain', pasted)
    field.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }))
  }, text)
}
