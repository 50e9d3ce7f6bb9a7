import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Operation } from '@/todos/todo'
import { listClient } from './client'
import { decodeConfig } from './config'
import { decodeProblem, decodeSnapshot } from './decode'
import { Trouble } from './trouble'

// A real server that answers what the case says, and real requests to it.
let answer: (request: IncomingMessage, response: ServerResponse, body: string) => void
let base: string
const server = createServer((request, response) => {
  let body = ''
  request.on('data', (chunk: Buffer) => (body += chunk.toString()))
  request.on('end', () => answer(request, response, body))
})

beforeEach(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterEach(() => new Promise((resolve) => (server.closeAllConnections(), server.close(resolve))))

const json = (response: ServerResponse, status: number, value: unknown, headers: Record<string, string> = {}) =>
  response.writeHead(status, { 'Content-Type': 'application/json', ...headers }).end(typeof value === 'string' ? value : JSON.stringify(value))
const bread = { id: 'a', title: 'bread', completed: false, order: 1, url: 'http://x/a' }
const operations: Operation[] = [{ id: 'op', type: 'delete', todoId: 'a' }]

async function trouble(action: Promise<unknown>): Promise<Trouble> {
  const reason: unknown = await action.then(() => 'no trouble', (cause: unknown) => cause)
  expect(reason).toBeInstanceOf(Trouble)
  return reason as Trouble
}

describe('the key of a private list', () => {
  it('is in a header of every request, and never in an address', async () => {
    vi.stubGlobal('navigator', {}) // without Web Locks, as in insecure contexts
    const seen: string[] = []
    answer = (request, response) => {
      seen.push(`${request.method} ${request.url} ${String(request.headers['todo-key'])}`)
      if (request.url?.endsWith('/events?changes=true')) response.writeHead(200, { 'Content-Type': 'text/event-stream' }).write(': here\n\n')
      else if (request.url?.endsWith('/history')) json(response, 200, { entries: [] })
      else if (request.method === 'POST') json(response, 200, { results: [{ id: 'op', status: 204, revision: 1 }] })
      else json(response, 200, { revision: 1, title: '', todos: [] })
    }
    const client = listClient(base, 'k-name', 'secret')
    await client.load()
    await client.send(operations)
    await client.history()
    await new Promise<void>((resolve) => {
      const ignore = () => undefined
      const watch = client.watch({ opened: () => { watch.close(); resolve() }, received: ignore, alive: ignore, heartbeat: ignore, lost: ignore, failed: ignore })
    })
    vi.unstubAllGlobals()
    expect(seen).toEqual(['GET', 'POST /batch', 'GET /history', 'GET /events?changes=true'].map((call) => `${call.replace(/ |$/, ' /api/lists/k-name')} secret`))
  })

  it('is told by its code when it does not fit', async () => {
    answer = (_, response) => json(response, 403, { status: 403, title: 'The key opens the list for reading only', code: 'reading-key' })
    expect(await trouble(listClient(base, 'l', 'k').send(operations))).toMatchObject({ kind: 'refused', status: 403, code: 'reading-key' })
  })
})

describe('load', () => {
  it('reads the list and its revision, and passes over what it does not know', async () => {
    answer = (_, response) => json(response, 200, { revision: 17, title: 'Casa', colour: 'red', todos: [{ ...bread, colour: 'red' }] }, { ETag: '"17-x"' })
    expect(await listClient(base, 'São João/?#').load()).toEqual({ revision: 17, title: 'Casa', todos: [{ id: 'a', title: 'bread', completed: false, order: 1 }], age: null, tag: '"17-x"' })
  })

  it('percent-encodes the name', async () => {
    let path: string | undefined
    answer = (request, response) => {
      path = request.url
      json(response, 200, { revision: 0, title: '', todos: [] })
    }
    await listClient(base, 'São João 100%?#').load()
    expect(path).toBe('/api/lists/S%C3%A3o%20Jo%C3%A3o%20100%25%3F%23')
  })

  it('gives a tag that erases the list behind a proxy that compresses', async () => {
    let condition: string | undefined
    answer = (request, response) => {
      condition = request.headers['if-match']
      if (request.method === 'DELETE') response.writeHead(204).end()
      else json(response, 200, { revision: 17, title: '', todos: [] }, { ETag: 'W/"17-x"' })
    }
    const client = listClient(base, 'l')
    await client.erase((await client.load()).tag)
    expect(condition).toBe('"17-x"')
  })

  it('says how old an answer from memory is', async () => {
    answer = (_, response) => json(response, 200, { revision: 17, title: '', todos: [bread] }, { Age: '42', Warning: '110 - "Response is Stale"' })
    expect((await listClient(base, 'l').load()).age).toBe(42)
  })

  it.each<[string, unknown]>([
    ['a sign-in page', '<!doctype html><title>Welcome to the train</title>'],
    ['null', null],
    ['an array', []],
    ['nothing', ''],
    ['one without revision', { title: '', todos: [] }],
    ['one without title', { revision: 1, todos: [] }],
    ['an item without id', { revision: 1, title: '', todos: [{ ...bread, id: undefined }] }],
    ['a title that is a number', { revision: 1, title: '', todos: [{ ...bread, title: 1 }] }],
    ['a string as an order', { revision: 1, title: '', todos: [{ ...bread, order: 'first' }] }],
  ])('never takes %s for a list', async (_, body) => {
    answer = (__, response) => json(response, 200, body)
    expect((await trouble(listClient(base, 'l').load())).kind).toBe('unreadable')
  })

  it('names the place of what it cannot read', async () => {
    answer = (_, response) => json(response, 200, { revision: 1, title: '', todos: [bread, { ...bread, completed: 'no' }] })
    expect((await trouble(listClient(base, 'l').load())).message).toContain('todos[1].completed: expected a boolean')
  })

  it.each<[number, unknown, Record<string, string>, Partial<Trouble>]>([
    [503, { title: 'Unavailable', detail: 'The store does not answer.' }, { 'Retry-After': '3' }, { kind: 'busy', message: 'The store does not answer.', retryAfter: 3000 }],
    [503, '<h1>Bad</h1>', { 'Retry-After': 'Mon, 23 Nov 2026 09:00:00 GMT' }, { kind: 'busy', message: 'HTTP 503', retryAfter: undefined }],
    [500, {}, {}, { kind: 'busy' }],
    [429, {}, { 'Retry-After': '1' }, { kind: 'busy', retryAfter: 1000 }],
    [408, '<h1>Request Time-out</h1>', { 'Content-Type': 'text/html', Connection: 'close' }, { kind: 'busy' }],
    [421, {}, {}, { kind: 'busy' }],
    [425, {}, {}, { kind: 'busy' }],
    [400, { title: 'Bad', detail: 'No.' }, {}, { kind: 'refused', message: 'No.' }],
    [404, {}, {}, { kind: 'refused' }],
    [401, {}, {}, { kind: 'signin' }],
    [200, '<title>Sign in</title>', { 'Content-Type': 'text/html; charset=utf-8' }, { kind: 'signin' }],
    [403, '<h1>Forbidden</h1>', { 'Content-Type': 'text/html' }, { kind: 'refused', status: 403 }],
  ])('%i %j %j', async (status, body, headers, want) => {
    answer = (_, response) => json(response, status, body, headers)
    expect(await trouble(listClient(base, 'l').load())).toMatchObject({ status, ...want })
  })

  it('tells a server that does not answer', async () => {
    answer = (request) => request.socket.destroy()
    expect((await trouble(listClient(base, 'l').load())).kind).toBe('unreachable')
  })

  it('gives up an answer whose head does not come within the limit', async () => {
    answer = () => undefined
    expect((await trouble(listClient(base, 'l').load(20))).kind).toBe('unreachable')
  }, 10_000) // by default it is given up after 15 s

  it('tells a connection that breaks in the middle', async () => {
    answer = (request, response) => {
      response.writeHead(200, { 'Content-Length': '1000' }).write('[')
      setImmediate(() => request.socket.destroy())
    }
    expect((await trouble(listClient(base, 'l').load())).kind).toBe('unreachable')
  })
})

describe('send', () => {
  it('posts the operations and reads one result for each', async () => {
    let received: unknown
    answer = (request, response, body) => {
      received = [request.method, request.url, request.headers['content-type'], JSON.parse(body)]
      json(response, 200, { revision: 3, results: [{ id: 'op', status: 404, revision: 3, problem: { title: 'Gone', detail: 'No such item.', type: 'x', status: 404 } }] })
    }
    expect(await listClient(base, 'l').send(operations)).toEqual([{ id: 'op', status: 404, revision: 3, problem: { status: 404, title: 'Gone', detail: 'No such item.' } }])
    expect(received).toEqual(['POST', '/api/lists/l/batch', 'application/json', { operations }])
  })

  it.each<[string, unknown]>([
    ['too few results', { revision: 3, results: [] }],
    ['results of others', { revision: 3, results: [{ id: 'other', status: 200, revision: 3 }] }],
    ['no results', { revision: 3 }],
    ['an invalid status', { revision: 3, results: [{ id: 'op', status: 'ok', revision: 3 }] }],
  ])('does not believe %s', async (_, body) => {
    answer = (__, response) => json(response, 200, body)
    expect((await trouble(listClient(base, 'l').send(operations))).kind).toBe('unreadable')
  })
})

describe('an event', () => {
  it('is read', () => expect(decodeSnapshot({ revision: 3, title: 'Casa', todos: [bread] })).toMatchObject({ revision: 3, title: 'Casa' }))
  it('of another version is not', () => expect(() => decodeSnapshot({ version: 2, patch: [] })).toThrow('title: expected a string'))
})

describe('config.json', () => {
  it.each([['', ''], ['https://api.example.com', 'https://api.example.com'], ['https://example.com/todo/', 'https://example.com/todo']])('%j', (apiBase, want) => expect(decodeConfig({ apiBase })).toEqual({ apiBase: want, signIn: null }))
  it.each([{}, null, [], { apiBase: 1 }, { apiBase: 'api.example.com' }, { apiBase: 'javascript:alert(1)' }, { apiBase: 'https://a?b' }])('refuses %j', (value) => expect(() => decodeConfig(value)).toThrow(/apiBase: expected/))

  const signIn = { issuer: 'https://login.example.com', clientId: 'page', audience: 'todo', scope: 'openid' }
  it('names where people sign in', () => expect(decodeConfig({ apiBase: '', signIn }).signIn).toEqual(signIn))
  it.each([...Object.keys(signIn).map((name) => ({ ...signIn, [name]: '' })), 'https://login.example.com', { ...signIn, issuer: 'javascript:alert(1)' }, { ...signIn, issuer: 'https://a?b' }])(
    'refuses to sign in by %j',
    (value) => expect(() => decodeConfig({ apiBase: '', signIn: value })).toThrow(/signIn\.\w+: expected/),
  )
})

describe('a problem', () => {
  const todo = { id: 'a', title: 'bread', completed: false, order: 1 }
  it.each<[string, unknown, object]>([
    ['in full', { title: 'T', detail: 'D', code: 'changed-meanwhile', todo: bread }, { title: 'T', detail: 'D', code: 'changed-meanwhile', todo }],
    ['with mistyped members', { title: 1, detail: null, code: 7, todo: { id: 'a' } }, { title: 'HTTP 409', detail: '' }],
    ['that is not an object', 'no', { title: 'HTTP 409', detail: '' }],
  ])('%s is read', (_, value, want) => expect(decodeProblem(value, 409)).toEqual({ status: 409, ...want }))
})
