import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test as base, type Locator, type Page } from '@playwright/test'
import { Builder, By, error, Key, type WebDriver, type WebElement } from 'selenium-webdriver'
import { freePort } from './server'

/** A person who uses the page in any engine. Indices count the shown rows. */
export interface Person {
  open(address: string): Promise<void>
  reload(): Promise<void>
  add(...titles: string[]): Promise<void>
  titles(): Promise<string[]>
  toggle(index: number): Promise<void>
  rename(index: number, title: string): Promise<void>
  remove(index: number): Promise<void>
  /** Presses the button or link with a name. */
  press(name: string): Promise<void>
  /** Fills the field with a placeholder. */
  fill(placeholder: string, text: string): Promise<void>
  status(): Promise<string>
  evaluate<T>(script: string): Promise<T>
  /** The field for new items. */
  entry(): Promise<string>
  leave(): Promise<void>
}

/** A person whose browser is driven by Playwright. */
export class PlaywrightPerson implements Person {
  readonly #page: Page

  constructor(page: Page) {
    this.#page = page
  }

  async open(address: string) {
    await this.#page.goto(address)
  }

  async reload() {
    await this.#page.reload()
  }

  async add(...titles: string[]) {
    const entry = this.#page.locator('.new-todo')
    for (const title of titles) {
      await entry.fill(title)
      await entry.press('Enter')
    }
  }

  async titles() {
    return (await this.#page.getByTestId('todo-title').allInnerTexts()).map((title) => title.trim())
  }

  async toggle(index: number) {
    await this.#row(index).getByRole('checkbox').click()
  }

  async rename(index: number, title: string) {
    const label = this.#row(index).getByTestId('todo-title')
    await label.dblclick()
    const field = this.#row(index).locator('.edit')
    // Firefox's remote protocol sends the second click without a dblclick.
    if (!(await field.isVisible())) await label.dispatchEvent('dblclick')
    await field.fill(title)
    await field.press('Enter')
  }

  async remove(index: number) {
    await this.#row(index).hover()
    await this.#row(index).locator('.destroy').click()
  }

  async press(name: string) {
    await this.#page.getByRole('button', { name }).or(this.#page.getByRole('link', { name })).first().click()
  }

  async fill(placeholder: string, text: string) {
    await this.#page.getByPlaceholder(placeholder).fill(text)
  }

  async status() {
    return this.#page.getByTestId('status').innerText()
  }

  async evaluate<T>(script: string) {
    return this.#page.evaluate<T>(`(async () => { ${script} })()`)
  }

  async entry() {
    return this.#page.locator('.new-todo').inputValue()
  }

  async leave() {
    await this.#page.close()
  }

  #row(index: number): Locator {
    return this.#page.getByTestId('todo-item').nth(index)
  }
}

/** A person whose browser is driven by a WebDriver. */
export class SeleniumPerson implements Person {
  readonly #start: () => Promise<Session>
  #session: Session

  private constructor(start: () => Promise<Session>, session: Session) {
    this.#start = start
    this.#session = session
  }

  static async start(start: () => Promise<Session>): Promise<SeleniumPerson> {
    return new SeleniumPerson(start, await start())
  }

  get #driver(): WebDriver {
    return this.#session.driver
  }

  /** Opens the first page. Some of WebKit's sessions never respond to commands about it; then another one is started. */
  async open(address: string) {
    for (;;) {
      await this.#driver.get(address)
      const limit = once(AbortSignal.timeout(30_000), 'abort').then(() => false)
      if (await Promise.race([this.#driver.findElement(By.css('body')).then(() => true), limit])) return
      this.#session.kill()
      this.#session = await this.#start()
    }
  }

  async reload() {
    await this.#driver.navigate().refresh()
  }

  async add(...titles: string[]) {
    const entry = await this.#seek(By.css('.new-todo'))
    for (const title of titles) await entry.sendKeys(title, Key.ENTER)
  }

  async titles() {
    return this.evaluate<string[]>(`return [...document.querySelectorAll('[data-testid=todo-title]')].map((title) => title.innerText.trim())`)
  }

  async toggle(index: number) {
    await (await this.#find(index, '.toggle')).click()
  }

  async rename(index: number, title: string) {
    await this.#driver.actions().doubleClick(await this.#find(index, '[data-testid=todo-title]')).perform()
    await this.#find(index, '.edit')
    // The field has the focus and its text is selected; clear() would blur it, which saves.
    await this.#driver.actions().sendKeys(title, Key.ENTER).perform()
  }

  async remove(index: number) {
    await this.#driver.actions().move({ origin: await this.#find(index, '[data-testid=todo-title]') }).perform()
    await (await this.#find(index, '.destroy')).click()
  }

  async press(name: string) {
    const literal = JSON.stringify(name)
    await (await this.#seek(By.xpath(`//button[normalize-space()=${literal} or @aria-label=${literal}] | //a[normalize-space()=${literal}]`))).click()
  }

  async fill(placeholder: string, text: string) {
    await (await this.#seek(By.css(`[placeholder=${JSON.stringify(placeholder)}]`))).sendKeys(text)
  }

  async status() {
    return (await this.#seek(By.css('[data-testid=status]'))).getText()
  }

  async evaluate<T>(script: string) {
    const [failed, value] = await this.#driver.executeAsyncScript<[string | null, T]>(
      `const done = arguments[0]; (async () => { ${script} })().then((value) => done([null, value]), (cause) => done([String(cause), null]))`,
    )
    if (failed !== null) throw new Error(failed)
    return value
  }

  async entry() {
    return (await (await this.#seek(By.css('.new-todo'))).getAttribute('value')) ?? ''
  }

  async leave() {
    await this.#driver.quit()
    this.#session.kill()
  }

  /**
   * Finds an element on the present page or the one being loaded, as Playwright does. WebKit's
   * implicit wait never ends if the document is replaced meanwhile.
   */
  async #seek(by: By): Promise<WebElement> {
    return this.#until(() => this.#driver.findElement(by))
  }

  async #find(index: number, css: string): Promise<WebElement> {
    return this.#until(async () => {
      const rows = await this.#driver.findElements(By.css('[data-testid=todo-item]'))
      const row = rows[index]
      if (!row) throw new error.NoSuchElementError(`row ${index} of ${rows.length}`)
      return row.findElement(By.css(css))
    })
  }

  async #until(find: () => Promise<WebElement>): Promise<WebElement> {
    let found!: WebElement
    await expect(async () => (found = await find())).toPass()
    return found
  }
}

/** A session of WebKitWebDriver, which has one at a time. */
interface Session {
  readonly driver: WebDriver
  /** Ends the driver's process and its browser. */
  kill(): void
}

/** Starts WebKitGTK on a virtual display. `program` is WebKitWebDriver. */
async function startWebKit(program: string, display: string): Promise<Session> {
  const port = await freePort()
  // A new process group, so that the browser ends with it.
  const { pid } = spawn(program, [`--port=${port}`], { env: { ...process.env, DISPLAY: display }, stdio: 'ignore', detached: true })
  if (pid === undefined) throw new Error(`${program} did not start`)
  const address = `http://127.0.0.1:${port}`
  await expect.poll(() => fetch(`${address}/status`).then(({ ok }) => ok, () => false)).toBe(true)
  const driver = await new Builder()
    .usingServer(address)
    .withCapabilities({ browserName: 'MiniBrowser', 'webkitgtk:browserOptions': { binary: process.env['WEBKIT_BROWSER'], args: ['--automation'] } })
    .build()
  await driver.manage().setTimeouts({ script: 60_000 })
  return { driver, kill: () => process.kill(-pid, 'SIGKILL') }
}

export interface Engine {
  /** A WebDriver of WebKitGTK to use in place of Playwright's own engine. */
  driver: string
}

/** A test in any engine: `newPerson()` returns a person with a new browser. */
export const test = base.extend<{ newPerson: () => Promise<Person> }, Engine & { display: string }>({
  driver: ['', { scope: 'worker', option: true }],
  display: [
    async ({ driver }, use) => {
      if (!driver) return use('')
      // With -displayfd, Xvfb chooses a free display and writes its number to that descriptor.
      const xvfb = spawn('Xvfb', ['-displayfd', '3', '-nolisten', 'tcp', '-screen', '0', '1280x1024x24'], { stdio: ['ignore', 'ignore', 'ignore', 'pipe'] })
      const [number] = (await once(xvfb.stdio[3] as NodeJS.ReadableStream, 'data')) as [Buffer]
      await use(`:${number.toString().trim()}`)
      xvfb.kill()
    },
    { scope: 'worker' },
  ],
  newPerson: async ({ driver, display, playwright, browserName, launchOptions, channel }, use) => {
    const people: Person[] = []
    await use(async () => {
      const person = driver ? await SeleniumPerson.start(() => startWebKit(driver, display)) : await startPlaywright()
      people.push(person)
      return person
    })
    for (const person of people) await person.leave()

    async function startPlaywright(): Promise<Person> {
      const browser = await playwright[browserName].launch({ ...launchOptions, ...(channel !== undefined && { channel }) })
      const person = new PlaywrightPerson(await browser.newPage())
      person.leave = () => browser.close()
      return person
    }
  },
})
