import { expect, it } from 'vitest'
import { missingOf } from './missing'

const bread = { id: 'a', title: 'bread', completed: true, order: 1 }
const salt = { id: 'b', title: 'salt', completed: false, order: 2 }
const milk = { id: 'a', title: 'milk', completed: false, order: 1 }

it('gives what was deleted and is not back', () => {
  expect(missingOf({ kind: 'clear', todos: [bread, salt] }, [bread])).toEqual([salt])
  expect(missingOf({ kind: 'clear', todos: [bread, salt] }, [milk])).toEqual([salt]) // renamed since
})

it('gives what a replacement put another item in the place of, under an id of its own', () => {
  const [first, ...others] = missingOf({ kind: 'replace', todos: [bread, salt] }, [milk])
  expect(first).toEqual({ ...bread, id: expect.stringMatching(/^[\w-]{22}$/) as string })
  expect(others).toEqual([salt])
  expect(missingOf({ kind: 'replace', todos: [bread] }, [milk, { ...bread, id: 'c' }])).toEqual([])
  expect(missingOf({ kind: 'replace', todos: [bread] }, [{ ...bread, completed: false }])).toEqual([])
})
