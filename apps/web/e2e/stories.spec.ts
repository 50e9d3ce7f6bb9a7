import { expect } from '@playwright/test'
import { Issuer } from './issuer'
import { kept } from './kept'
import { test as base, type Person } from './person'
import { Server } from './server'

// The main stories in each engine: Chromium with the other tests, Firefox and WebKit by `npm run engines`.
const test = base.extend<{ own: Server; at: string }>({
  // eslint-disable-next-line no-empty-pattern -- Playwright reads the fixtures from the pattern
  own: async ({}, use) => {
    const server = await Server.start()
    await use(server)
    await server.stop()
  },
  at: async ({ own }, use) => use(`${own.address}/?list=story`),
})

const shows = (person: Person, titles: string[]) => expect.poll(() => person.titles()).toEqual(titles)
const says = (person: Person, status: RegExp) => expect.poll(() => person.status()).toMatch(status)

test('Adds, renames, completes, filters, clears and brings back', async ({ newPerson, own, at }) => {
  const person = await newPerson()
  await person.open(at)
  await person.add('bread', 'salt', 'milk')
  await shows(person, ['bread', 'salt', 'milk'])
  await person.rename(1, 'sea salt')
  await person.toggle(0)
  await shows(person, ['bread', 'sea salt', 'milk'])
  await person.press('Active')
  await shows(person, ['sea salt', 'milk'])
  await person.press('All')
  await person.press('Clear completed')
  await shows(person, ['sea salt', 'milk'])
  await person.press('Undo')
  await shows(person, ['bread', 'sea salt', 'milk'])
  await says(person, /^saved/)
  expect((await own.todos('story')).map((todo) => todo.title)).toEqual(['bread', 'sea salt', 'milk'])
  await person.reload()
  await shows(person, ['bread', 'sea salt', 'milk'])
})

test('Two people see each other live', async ({ newPerson, at }) => {
  const [one, two] = [await newPerson(), await newPerson()]
  await one.open(at)
  await two.open(at)
  await says(two, /^saved/)
  await one.add('bread')
  await shows(two, ['bread'])
  await two.rename(0, 'rye bread')
  await shows(one, ['rye bread'])
  await one.remove(0)
  await shows(two, [])
})

test('Opens offline, keeps what is changed there, and sends it once', async ({ newPerson, own, at }) => {
  const person = await newPerson()
  await person.open(at)
  await person.add('bread', 'salt')
  await says(person, /^saved/)
  await person.evaluate('await navigator.serviceWorker.ready')
  // The worker serves the page from the visit after its installation.
  await person.reload()
  await shows(person, ['bread', 'salt'])
  await own.kill()
  await person.add('milk')
  await person.toggle(0)
  await says(person, /^offline, 2 changes waiting/)
  await kept((expression) => person.evaluate(`return ${expression}`), 'story', 2)
  await person.reload()
  await shows(person, ['bread', 'salt', 'milk'])
  await own.start()
  await says(person, /^saved/)
  expect((await own.todos('story')).map(({ title, completed }) => `${title} ${completed}`)).toEqual(['bread true', 'salt false', 'milk false'])
})

test('Signs in at the issuer’s page, and is still signed in after a reload', async ({ newPerson }) => {
  const issuer = await Issuer.start()
  const server = await issuer.server()
  const person = await newPerson()
  await person.open(`${server.address}/?list=story`)
  await person.press('Sign in')
  await person.fill('Enter any login', 'Ann')
  await person.fill('and password', 'any')
  await person.press('Sign-in')
  await person.press('Continue')
  await person.add('bread')
  await says(person, /^saved/)
  await person.reload()
  await shows(person, ['bread'])
  await says(person, /^saved/)
  await server.stop()
  await issuer.stop()
})

test('Enter that ends a composition adds nothing, in Safari’s order of events', async ({ newPerson, at }) => {
  const person = await newPerson()
  await person.open(at)
  await says(person, /^saved/)
  await person.evaluate(`
    const field = document.querySelector('.new-todo')
    field.focus()
    field.dispatchEvent(new CompositionEvent('compositionstart', { bubbles: true }))
    field.value = '牛乳'
    field.dispatchEvent(new InputEvent('input', { bubbles: true }))
    field.dispatchEvent(new CompositionEvent('compositionend', { bubbles: true, data: '牛乳' }))
    field.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', keyCode: 229, which: 229, bubbles: true, cancelable: true }))
    field.dispatchEvent(new KeyboardEvent('keyup', { key: 'Enter', keyCode: 13, which: 13, bubbles: true }))
  `)
  expect(await person.titles()).toEqual([])
  expect(await person.entry()).toBe('牛乳')
  await person.evaluate(`document.querySelector('.new-todo').dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', keyCode: 13, which: 13, bubbles: true, cancelable: true }))`)
  await shows(person, ['牛乳'])
})
