import { describe, expect, it } from 'vitest'
import { differences } from './differences'
import { shows } from './filter'
import { fragmentOf, readFragment } from './fragment'
import { applyOperations, keepIdentity, reorder } from './operations'
import type { Operation, Todo } from './todo'

const todo = (id: string, order: number, more: Partial<Todo> = {}): Todo => ({ id, title: id.toUpperCase(), completed: false, order, ...more })
const abc = [todo('a', 1), todo('b', 2), todo('c', 3)]
const ids = (todos: readonly Todo[]) => todos.map(({ id }) => id).join('')

let next = 0
type Unnamed<T> = T extends unknown ? Omit<T, 'id'> : never
const op = (operation: Unnamed<Operation>): Operation => ({ ...operation, id: `op${next++}` })
const create = (id: string, order?: number) => op({ type: 'create', todo: { id, title: id.toUpperCase(), ...(order !== undefined && { order }) } })

describe('applyOperations', () => {
  it('without operations gives the very list', () => expect(applyOperations(abc, [])).toBe(abc))

  it.each<[string, Operation[], string]>([
    ['creates last', [create('d')], 'abcd'],
    ['creates last also below negative orders', [op({ type: 'delete', todoId: 'c' }), create('d'), create('e')], 'abde'],
    ['creates at an order', [create('d', 1.5)], 'adbc'],
    ['creates after those of the same order', [create('d', 2)], 'abdc'],
    ['does not create twice', [create('a')], 'abc'],
    ['deletes', [op({ type: 'delete', todoId: 'b' })], 'ac'],
    ['passes over what is gone', [op({ type: 'delete', todoId: 'x' }), op({ type: 'update', todoId: 'x', change: { completed: true } })], 'abc'],
    ['moves', [op({ type: 'update', todoId: 'a', change: { order: 2.5 } })], 'bac'],
    ['brings back what it deleted', [op({ type: 'delete', todoId: 'b' }), create('b', 2)], 'abc'],
  ])('%s', (_, operations, want) => expect(ids(applyOperations(abc, operations))).toBe(want))

  it('changes what it names and nothing else', () => {
    const after = applyOperations(abc, [op({ type: 'update', todoId: 'b', change: { title: 'new', completed: true } })])
    expect(after[1]).toEqual({ id: 'b', title: 'new', completed: true, order: 2 })
    expect(after[0]).toBe(abc[0])
    expect(abc[1]?.title).toBe('B')
  })

  it.each<[string, string[] | undefined, string]>([
    ['all', undefined, 'c'],
    ['those named', ['a', 'x'], 'bc'],
    ['none of those named that are active', ['c'], 'abc'],
  ])('clears %s', (_, cleared, want) => {
    const mixed = [todo('a', 1, { completed: true }), todo('b', 2, { completed: true }), todo('c', 3)]
    expect(ids(applyOperations(mixed, [op({ type: 'clearCompleted', ...(cleared && { ids: cleared }) })]))).toBe(want)
  })

  it('completes those named', () => {
    expect(applyOperations(abc, [op({ type: 'completeAll', completed: true, ids: ['a', 'x'] })]).map((t) => t.completed)).toEqual([true, false, false])
  })

  it('completes all', () => {
    const mixed = [todo('a', 1, { completed: true }), todo('b', 2)]
    expect(applyOperations(mixed, [op({ type: 'completeAll', completed: true })]).map((t) => t.completed)).toEqual([true, true])
    expect(applyOperations(mixed, [op({ type: 'completeAll', completed: false })]).map((t) => t.completed)).toEqual([false, false])
  })
})

describe('reorder', () => {
  const apply = (todos: readonly Todo[], id: string, before: string | null) =>
    applyOperations(todos, reorder(todos, id, before).map((change) => op({ type: 'update', todoId: change.id, change: { order: change.order } })))

  it.each([
    ['a', 'c', 'bac'],
    ['a', null, 'bca'],
    ['c', 'a', 'cab'],
    ['b', 'a', 'bac'],
  ])('%s before %s', (id, before, want) => {
    expect(ids(apply(abc, id, before))).toBe(want)
    expect(reorder(abc, id, before)).toHaveLength(1)
  })

  it.each([['a', 'b'], ['c', null], ['a', 'a'], ['x', 'a'], ['a', 'x']])('%s before %s changes nothing', (id, before) => expect(reorder(abc, id, before)).toEqual([]))

  it('numbers the list anew where no number is left between', () => {
    const tight = [todo('a', 1), todo('b', 1 + Number.EPSILON), todo('c', 3)]
    expect(ids(apply(tight, 'c', 'b'))).toBe('acb')
    const equal = [todo('a', 1), todo('b', 1), todo('c', 1)]
    expect(ids(apply(equal, 'c', 'b'))).toBe('acb')
  })

  it('never leaves the numbers that the API takes', () => {
    const high = [todo('a', 1), todo('b', Number.MAX_SAFE_INTEGER)]
    const changes = reorder(high, 'a', null)
    expect(ids(apply(high, 'a', null))).toBe('ba')
    for (const { order } of changes) expect(Math.abs(order)).toBeLessThanOrEqual(Number.MAX_SAFE_INTEGER)
  })

  it('holds for any sequence of moves to the same place', () => {
    let todos: readonly Todo[] = abc
    for (let i = 0; i < 200; i++) {
      todos = apply(todos, 'a', ids(todos).startsWith('a') ? 'c' : 'b')
      expect(new Set(ids(todos)).size).toBe(3)
      expect(todos.at(-1)?.id).toBe('c')
    }
  })
})

it('keepIdentity keeps the objects of items that are as they were', () => {
  const after = keepIdentity(abc, [todo('b', 2), todo('a', 1, { title: 'new' })])
  expect(after[0]).toBe(abc[1])
  expect(after[1]?.title).toBe('new')
})

describe('differences', () => {
  it.each<[string, readonly Todo[], string]>([
    ['nothing', abc, ''],
    ['an addition', [...abc, todo('d', 4)], '“D” added'],
    ['a deletion', abc.slice(1), '“A” deleted'],
    ['several', abc.slice(2), '2 items deleted'],
    ['a new title', [todo('a', 1, { title: 'x' }), ...abc.slice(1)], '“x” changed'],
    ['completion', [todo('a', 1, { completed: true }), ...abc.slice(1)], '“A” completed'],
    ['another order', [todo('a', 9), ...abc.slice(1)], 'the order changed'],
    ['a mix', [todo('b', 2), todo('c', 3), todo('d', 4)], '“D” added, “A” deleted'],
  ])('%s', (_, after, want) => expect(differences(abc, keepIdentity(abc, after))).toBe(want))
})

describe('filters', () => {
  it.each([['', 'all'], ['#/', 'all'], ['#/active', 'active'], ['#/completed', 'completed'], ['#active', 'active'], ['#/other', 'all']])('%j is %s', (hash, want) => expect(readFragment(hash).filter).toBe(want))
  it.each(['#/', '#/active', '#/completed', '#/&key=k', '#/active&key=k'])('writes %s as it reads it', (hash) => expect(fragmentOf(readFragment(hash))).toBe(hash))
  it('reads the key of a link', () => expect(readFragment('#key=a-_=b')).toEqual({ filter: 'all', key: 'a-_=b' }))
  it.each([
    ['all', [true, true]],
    ['active', [true, false]],
    ['completed', [false, true]],
  ] as const)('%s', (filter, want) => expect([shows(filter, todo('a', 1)), shows(filter, todo('a', 1, { completed: true }))]).toEqual(want))
})
