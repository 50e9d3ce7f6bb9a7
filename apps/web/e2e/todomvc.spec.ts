import { App, expect, test } from './test'

// The specification of TodoMVC, under the titles of its suite (tastejs/todomvc, cypress/e2e/spec.cy.js). Where that
// suite reads localStorage, this one asks the API, which stores the lists.

const [one, two, three] = ['buy some cheese', 'feed the cat', 'book a doctors appointment'] as const
const all = [one, two, three]

test.beforeEach(async ({ app }) => {
  await app.open()
  await expect(app.items).toHaveCount(0)
})

test.describe('When page is initially opened', () => {
  test('should focus on the todo input field', async ({ app }) => {
    await expect(app.newTodo).toBeFocused()
    await expect(app.newTodo).toHaveClass('new-todo')
  })
})

test.describe('No Todos', () => {
  test('starts with nothing', async ({ app }) => {
    await app.saved()
    await expect(app.items).toHaveCount(0)
  })

  test('should hide #main and #footer', async ({ app }) => {
    await app.saved()
    await expect(app.main).toBeHidden()
    await expect(app.footer).toBeHidden()
  })
})

test.describe('New Todo', () => {
  test('should allow me to add todo items', async ({ app, server, list }) => {
    await app.add(one)
    await expect(app.titles).toHaveText([one])
    await app.add(two)
    await expect(app.titles).toHaveText([one, two])
    await expect.poll(async () => (await server.todos(list)).length).toBe(2)
  })

  test('should clear text input field when an item is added', async ({ app }) => {
    await app.add(one)
    await expect(app.newTodo).toBeEmpty()
  })

  test('should append new items to the bottom of the list', async ({ app }) => {
    await app.add(...all)
    await expect(app.page.getByText('3 items left')).toBeVisible()
    await expect(app.count).toHaveText('3 items left')
    await expect(app.titles).toHaveText(all)
  })

  test('should trim text input', async ({ app }) => {
    await app.add(`    ${one}    `)
    expect(await app.titles.evaluateAll((titles) => titles.map((title) => title.textContent))).toEqual([one])
  })

  test('should show #main and #footer when items added', async ({ app }) => {
    await app.add(one)
    await expect(app.main).toBeVisible()
    await expect(app.footer).toBeVisible()
  })

  test('should not create an item from white space', async ({ app, server, list }) => {
    await app.add('   ', '', one)
    await expect(app.titles).toHaveText([one])
    await app.saved()
    expect(await server.todos(list)).toHaveLength(1)
  })
})

test.describe('Mark all as completed', () => {
  test.beforeEach(async ({ app }) => {
    await app.add(...all)
    await expect(app.items).toHaveCount(3)
  })

  test('should allow me to mark all items as completed', async ({ app, server, list }) => {
    await app.toggleAll.check()
    await expect(app.items).toHaveClass(['completed', 'completed', 'completed'])
    await expect.poll(async () => (await server.todos(list)).filter((todo) => todo.completed).length).toBe(3)
  })

  test('should allow me to clear the complete state of all items', async ({ app }) => {
    await app.toggleAll.check()
    await app.toggleAll.uncheck()
    await expect(app.items).toHaveClass(['', '', ''])
  })

  test('complete all checkbox should update state when items are completed / cleared', async ({ app }) => {
    await app.toggleAll.check()
    await expect(app.toggleAll).toBeChecked()
    await app.toggle(0).uncheck()
    await expect(app.toggleAll).not.toBeChecked()
    await app.toggle(0).check()
    await expect(app.toggleAll).toBeChecked()
  })

  test('should set all items and not only those shown', async ({ app }) => {
    await app.toggle(0).check()
    await app.filter('Completed').click()
    await expect(app.items).toHaveCount(1)
    await app.toggleAll.check()
    await app.filter('All').click()
    await expect(app.items).toHaveClass(['completed', 'completed', 'completed'])
  })

  test('should be off after the completed items were cleared', async ({ app }) => {
    await app.toggleAll.check()
    await app.clearCompleted.click()
    await expect(app.items).toHaveCount(0)
    await app.add(one)
    await expect(app.toggleAll).not.toBeChecked()
  })
})

test.describe('Item', () => {
  test('should allow me to mark items as complete', async ({ app }) => {
    await app.add(one, two)
    await app.toggle(0).check()
    await expect(app.items).toHaveClass(['completed', ''])
    await app.toggle(1).check()
    await expect(app.items).toHaveClass(['completed', 'completed'])
  })

  test('should allow me to un-mark items as complete', async ({ app }) => {
    await app.add(one, two)
    await app.toggle(0).check()
    await expect(app.items).toHaveClass(['completed', ''])
    await app.toggle(0).uncheck()
    await expect(app.items).toHaveClass(['', ''])
  })

  test('should allow me to edit an item', async ({ app }) => {
    await app.add(...all)
    await app.item(1).dblclick()
    await expect(app.edit(1)).toHaveValue(two)
    await app.edit(1).fill('buy some sausages')
    await app.edit(1).press('Enter')
    await expect(app.items).toHaveText([one, 'buy some sausages', three])
  })

  test('should allow me to remove an item by its button, which shows on hover', async ({ app }) => {
    await app.add(...all)
    const destroy = app.item(1).locator('.destroy')
    const actions = app.item(1).locator('.item-actions')
    await app.newTodo.hover()
    await expect(actions).toHaveCSS('opacity', '0')
    await app.item(1).hover()
    await expect(actions).toHaveCSS('opacity', '1')
    await destroy.click()
    await expect(app.items).toHaveText([one, three])
  })
})

test.describe('Editing', () => {
  test.beforeEach(async ({ app }) => {
    await app.add(...all)
    await expect(app.items).toHaveCount(3)
    await app.titles.nth(1).dblclick()
  })

  test('should hide other controls when editing', async ({ app }) => {
    await expect(app.edit(1)).toBeFocused()
    await expect(app.item(1)).toHaveClass('editing')
    await expect(app.toggle(1)).toBeHidden()
    await expect(app.item(1).locator('label')).toBeHidden()
    await expect(app.item(1).locator('.destroy')).toBeHidden()
  })

  test('should save edits on blur', async ({ app }) => {
    await app.edit(1).fill('buy some sausages')
    await app.edit(1).dispatchEvent('blur')
    await expect(app.items).toHaveText([one, 'buy some sausages', three])
    await expect(app.item(1)).toHaveClass('')
  })

  test('should trim entered text', async ({ app }) => {
    await app.edit(1).fill('    buy some sausages    ')
    await app.edit(1).press('Enter')
    await expect(app.items).toHaveText([one, 'buy some sausages', three])
    await app.saved()
    expect(await app.titles.nth(1).textContent()).toBe('buy some sausages')
  })

  test('should remove the item if an empty text string was entered', async ({ app }) => {
    await app.edit(1).fill('')
    await app.edit(1).press('Enter')
    await expect(app.items).toHaveText([one, three])
  })

  test('should cancel edits on escape', async ({ app, server, list }) => {
    await app.edit(1).fill('foo')
    await app.edit(1).press('Escape')
    await expect(app.items).toHaveText(all)
    await app.saved()
    expect((await server.todos(list)).map((todo) => todo.title)).toEqual(all)
  })

  test('should not save the editing state', async ({ app, server, list }) => {
    await app.edit(1).fill('half of a thought')
    await app.saved()
    expect((await server.todos(list)).map((todo) => todo.title)).toEqual(all)
    await app.page.reload()
    await expect(app.items).toHaveText(all)
    await expect(app.items).toHaveClass(['', '', ''])
  })
})

test.describe('Counter', () => {
  test('should display the current number of todo items', async ({ app }) => {
    await app.add(one)
    await expect(app.count).toContainText('1')
    await app.add(two)
    await expect(app.count).toContainText('2')
  })

  test('should speak of 0 items, 1 item and 2 items, with the number in <strong>', async ({ app }) => {
    await app.add(one)
    await expect(app.count).toHaveText('1 item left')
    await app.add(two)
    await expect(app.count).toHaveText('2 items left')
    await app.toggleAll.check()
    await expect(app.count).toHaveText('0 items left')
    await expect(app.count.locator('strong')).toHaveText('0')
  })
})

test.describe('Clear completed button', () => {
  test.beforeEach(async ({ app }) => {
    await app.add(...all)
    await expect(app.items).toHaveCount(3)
  })

  test('should display the correct text', async ({ app }) => {
    await app.toggle(0).check()
    await expect(app.clearCompleted).toHaveText('Clear completed')
    await expect(app.clearCompleted).toBeVisible()
  })

  test('should remove completed items when clicked', async ({ app }) => {
    await app.toggle(1).check()
    await app.clearCompleted.click()
    await expect(app.items).toHaveText([one, three])
  })

  test('should be hidden when there are no items that are completed', async ({ app }) => {
    await expect(app.clearCompleted).toBeHidden()
    await app.toggle(1).check()
    await app.clearCompleted.click()
    await expect(app.clearCompleted).toBeHidden()
  })
})

test.describe('Persistence', () => {
  test('should persist its data', async ({ app }) => {
    const asLeft = async () => {
      await expect(app.items).toHaveText([one, two])
      await expect(app.toggle(0)).toBeChecked()
      await expect(app.items).toHaveClass(['completed', ''])
    }
    await app.add(one, two)
    await app.toggle(0).check()
    await asLeft()
    await app.saved()
    await app.page.reload()
    await asLeft()
  })

  test('should be the same in another browser', async ({ app, browser, server, list }) => {
    await app.add(one, two)
    await app.saved()
    const other = await new App(await browser.newPage(), server.address, list).open()
    await expect(other.items).toHaveText([one, two])
    await other.page.close()
  })
})

test.describe('Routing', () => {
  test.beforeEach(async ({ app }) => {
    await app.add(...all)
    await app.toggle(1).check()
  })

  test('should allow me to display active items', async ({ app }) => {
    await app.filter('Active').click()
    await expect(app.items).toHaveText([one, three])
  })

  test('should respect the back button', async ({ app }) => {
    await app.filter('All').click()
    await expect(app.items).toHaveCount(3)
    await app.filter('Active').click()
    await app.filter('Completed').click()
    await expect(app.items).toHaveCount(1)
    await app.page.goBack()
    await expect(app.items).toHaveCount(2)
    await app.page.goBack()
    await expect(app.items).toHaveCount(3)
  })

  test('should allow me to display completed items', async ({ app }) => {
    await app.filter('Completed').click()
    await expect(app.items).toHaveText([two])
  })

  test('should allow me to display all items', async ({ app }) => {
    await app.filter('Active').click()
    await app.filter('Completed').click()
    await app.filter('All').click()
    await expect(app.items).toHaveCount(3)
  })

  test('should highlight the currently applied filter', async ({ app }) => {
    await expect(app.filter('All')).toHaveClass('selected')
    await app.filter('Active').click()
    await expect(app.filter('Active')).toHaveClass('selected')
    await expect(app.filter('All')).toHaveClass('')
    await app.filter('Completed').click()
    await expect(app.filter('Completed')).toHaveClass('selected')
  })

  test('should apply the filter at once to an item that changes', async ({ app }) => {
    await app.filter('Active').click()
    await app.toggle(0).click() // check() would look for its effect on the next item, which takes its place
    await expect(app.items).toHaveText([three])
    await app.filter('Completed').click()
    await expect(app.items).toHaveText([one, two])
    await app.toggle(0).click()
    await expect(app.items).toHaveText([two])
  })

  test('should keep the filter when reloaded', async ({ app }) => {
    await app.saved()
    await app.filter('Completed').click()
    await app.page.reload()
    await expect(app.items).toHaveText([two])
    await expect(app.filter('Completed')).toHaveClass('selected')
  })
})

