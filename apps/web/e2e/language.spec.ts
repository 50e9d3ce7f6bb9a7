import AxeBuilder from '@axe-core/playwright'
import { App, expect, test } from './test'

test.describe('in a browser that wants Portuguese', () => {
  test.use({ locale: 'pt-BR' })

  test('the page speaks it, and English when that is chosen, and remembers', async ({ page, app, server, list }) => {
    await server.add(list, ['pão', 'leite'])
    await app.open()
    const html = page.locator('html')
    await expect(html).toHaveAttribute('lang', 'pt-BR')
    const manifest = page.locator('link[rel=manifest]')
    expect(await (await page.request.get(await manifest.evaluate((link: HTMLLinkElement) => link.href))).json()).toMatchObject({ lang: 'pt-BR' })
    await expect(page.getByPlaceholder('O que precisa ser feito?')).toBeFocused()
    await expect(app.count).toHaveText('2 itens restantes')
    await expect(app.status).toHaveText('salvo. Tudo está no servidor.')
    await page.getByRole('checkbox', { name: 'Marcar ou desmarcar: pão' }).check()
    await expect(app.count).toHaveText('1 item restante')
    await page.getByRole('button', { name: 'Limpar concluídos' }).click()
    await expect(page.locator('.notice')).toContainText('1 item concluído foi limpo.')
    await page.getByRole('button', { name: 'Desfazer' }).click()
    await expect(app.titles).toHaveText(['pão', 'leite'])
    expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([])

    await page.getByRole('button', { name: 'English' }).click()
    await expect(html).toHaveAttribute('lang', 'en')
    expect(await (await page.request.get(await manifest.evaluate((link: HTMLLinkElement) => link.href))).json()).toMatchObject({ lang: 'en' })
    await expect(app.newTodo).toBeVisible()
    await expect(app.count).toHaveText('1 item left')
    await expect(page).toHaveTitle(`${list} · todos`)
    await page.reload()
    await expect(html).toHaveAttribute('lang', 'en')
    await expect(app.count).toHaveText('1 item left')
  })
})

test('A choice made in one window reaches the others', async ({ app, server, list, context }) => {
  await app.open()
  const other = await new App(await context.newPage(), server.address, list).open()
  for (const { page } of [app, other]) await page.getByRole('button', { name: 'Keys' }).click()
  await other.page.getByRole('checkbox').uncheck()
  await expect(app.page.getByRole('checkbox')).not.toBeChecked()
  for (const { page } of [app, other]) await page.getByRole('button', { name: 'Close' }).click()
  await other.page.getByRole('button', { name: 'Português' }).click()
  await expect(app.page.locator('html')).toHaveAttribute('lang', 'pt-BR')
  await expect(app.page.getByRole('button', { name: 'Compartilhar' })).toBeVisible()
})

test('a browser without storage still chooses', async ({ page, app }) => {
  await page.addInitScript(() => Object.defineProperty(window, 'localStorage', { get: () => { throw new DOMException('Forbidden', 'SecurityError') } }))
  await app.open()
  await page.getByRole('button', { name: 'Português' }).click()
  await expect(page.locator('html')).toHaveAttribute('lang', 'pt-BR')
  await expect(page.getByRole('button', { name: 'English' })).toHaveAttribute('aria-pressed', 'false')
})

test('Under the browser’s own translation, titles, numbers, the status and notices are those of now', async ({ app, page, server, list }) => {
  await server.add(list, ['bread', 'salt', 'milk'])
  await app.open()
  await app.saved()
  // As translators do: each text node is replaced by font elements with another text.
  await page.evaluate(() => {
    const translate = (root: Node) => {
      const texts = document.createTreeWalker(root, NodeFilter.SHOW_TEXT)
      const found: Node[] = []
      while (texts.nextNode()) found.push(texts.currentNode)
      for (const text of found) {
        if (!text.textContent?.trim() || text.parentElement?.closest('font')) continue
        const font = document.createElement('font' as string)
        font.textContent = `~${text.textContent}`
        text.parentNode?.replaceChild(font, text)
      }
    }
    translate(document.body)
    new MutationObserver((changes) => { for (const { target } of changes) translate(target) }).observe(document.body, { childList: true, subtree: true })
  })
  await expect(app.titles).toHaveText(['~bread', '~salt', '~milk'])
  for (const title of ['bread', 'salt']) {
    await app.item(0).hover()
    await page.getByRole('button', { name: `Delete ${title}` }).click()
  }
  await expect(page.getByRole('group').filter({ hasText: 'Deleted' })).toContainText('~Deleted “salt”.')
  await expect(app.count).toHaveText('~1 ~item left')
  await app.titles.nth(0).dblclick()
  await app.edit(0).fill('oat milk')
  await app.edit(0).press('Enter')
  await expect(app.titles).toHaveText(['~oat milk'])
  await expect(app.status).toHaveText(/^~saved/)
  await server.change(list, 'oat milk', { title: 'rye milk' })
  await expect(app.titles).toHaveText(['~rye milk'])
  await page.context().setOffline(true)
  await expect(app.status).toHaveText(/^~offline/)
})
