import { spawn, type ChildProcess } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, request as httpRequest, type IncomingMessage, type Server as HttpServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { binary } from './build'
import { keepLog } from './logs'

/** The real program, with its lists in a new directory, so that it can be killed and restarted. */
export class Server {
  readonly port: number
  readonly #directory: string
  #process: ChildProcess | undefined
  #output = ''

  readonly #settings: Record<string, string>

  private constructor(port: number, settings: Record<string, string>) {
    this.port = port
    this.#settings = settings
    this.#directory = mkdtempSync(join(tmpdir(), 'todo-e2e-'))
  }

  static async start(settings: Record<string, string> = {}): Promise<Server> {
    const server = new Server(await freePort(), settings)
    await server.start()
    return server
  }

  get address(): string {
    return `http://127.0.0.1:${this.port}`
  }

  async start(): Promise<void> {
    const child = spawn(binary, [], {
      // Not this process's environment, which may have settings of another server.
      env: { TODO_LISTEN: `127.0.0.1:${this.port}`, TODO_STORE: `file://${this.#directory}`, ...this.#settings },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#process = child
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => {
      this.#output += chunk.toString()
      keepLog(this.port, chunk.toString())
    })
    const ended = once(child, 'exit').then(() => {
      throw new Error(`${binary} ended before it was ready:\n${this.#output}`)
    })
    ended.catch(() => undefined)
    await Promise.race([this.#ready(), ended])
  }

  /** Kills the program. */
  async kill(): Promise<void> {
    const child = this.#process
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }

  /** Restarts the program without its lists, as if its store were memory. */
  async empty(): Promise<void> {
    await this.kill()
    rmSync(this.#directory, { recursive: true, force: true })
    await this.start()
  }

  async stop(): Promise<void> {
    await this.kill()
    rmSync(this.#directory, { recursive: true, force: true })
  }

  /** Reads a list from the API. */
  async todos(list: string): Promise<{ id: string; title: string; completed: boolean; order: number }[]> {
    const response = await fetch(this.url(list))
    if (!response.ok) throw new Error(`${response.status} ${await response.text()}`)
    return (await response.json()) as { id: string; title: string; completed: boolean; order: number }[]
  }

  /** Adds items as another client. */
  async add(list: string, titles: string[]): Promise<void> {
    for (let i = 0; i < titles.length; i += 200) {
      const operations = titles.slice(i, i + 200).map((title, j) => ({ id: `e2e-${Date.now()}-${i + j}-${Math.random()}`, type: 'create', todo: { title, id: `e2e-${i + j}-${Math.random().toString(36).slice(2)}` } }))
      await this.#write('POST', this.url(list).replace(/todos$/, 'batch'), { operations })
    }
  }

  async change(list: string, title: string, change: object): Promise<void> {
    await this.#write('PATCH', await this.#item(list, title), change)
  }

  /** Sets the list's title. */
  async name(list: string, title: string): Promise<void> {
    await this.#write('PATCH', this.url(list).replace(/\/todos$/, ''), { title })
  }

  async delete(list: string, title: string): Promise<void> {
    await this.#write('DELETE', await this.#item(list, title))
  }

  url(list: string): string {
    return `${this.address}/api/lists/${encodeURIComponent(list)}/todos`
  }

  async #item(list: string, title: string): Promise<string> {
    const item = (await this.todos(list)).find((todo) => todo.title === title)
    if (!item) throw new Error(`${list} has no ${title}`)
    return `${this.url(list)}/${item.id}`
  }

  async #write(method: string, url: string, body?: object): Promise<void> {
    const response = await fetch(url, { method, ...(body && { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) }) })
    if (!response.ok) throw new Error(`${method} ${url}: ${response.status} ${await response.text()}`)
  }

  async #ready(): Promise<void> {
    for (;;) {
      try {
        if ((await fetch(`${this.address}/readyz`)).ok) return
      } catch {
        // not yet listening
      }
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
}

/** A fault's action on a request: forward it, never respond, respond itself, or forward it and lose the response. */
export type Fault = 'pass' | 'hold' | 'lose answer' | { status: number; headers?: Record<string, string>; body?: string }

/** A proxy in front of the real server that fails as networks do. */
export class Proxy {
  /** Chooses the action on a request; set by a test. */
  fault: (request: IncomingMessage) => Fault = () => 'pass'
  /** Requests to the API in order of arrival: method and path. */
  readonly seen: string[] = []
  readonly #target: Server
  readonly #http: HttpServer

  private constructor(target: Server) {
    this.#target = target
    this.#http = createServer((request, response) => this.#handle(request, response))
  }

  static async start(target: Server): Promise<Proxy> {
    const proxy = new Proxy(target)
    proxy.#http.listen(0, '127.0.0.1')
    await once(proxy.#http, 'listening')
    return proxy
  }

  get address(): string {
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`
  }

  async stop(): Promise<void> {
    if (!this.#http.listening) return
    const closed = once(this.#http, 'close')
    this.#http.close()
    this.#http.closeAllConnections()
    await closed
  }

  #handle(request: IncomingMessage, response: ServerResponse) {
    if (request.url?.startsWith('/api/')) this.seen.push(`${request.method} ${request.url}`)
    const fault = this.fault(request)
    if (typeof fault === 'object') {
      request.resume()
      response.writeHead(fault.status, { 'Content-Type': 'application/problem+json', ...fault.headers }).end(fault.body ?? '')
      return
    }
    if (fault === 'hold') {
      request.resume()
      return
    }
    const { host: _, ...headers } = request.headers
    const onward = httpRequest({ host: '127.0.0.1', port: this.#target.port, method: request.method, path: request.url, headers: { ...headers, host: request.headers.host } }, (answer) => {
      if (fault === 'lose answer') {
        // Cut after the headers: before them, the browser would repeat the request itself.
        response.writeHead(answer.statusCode ?? 502, answer.headers)
        response.flushHeaders()
        answer.resume()
        answer.on('end', () => request.socket.destroy())
        return
      }
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      response.flushHeaders()
      answer.pipe(response)
      answer.on('error', () => response.destroy())
    })
    onward.on('error', () => response.destroy())
    response.on('close', () => onward.destroy())
    request.pipe(onward)
  }
}

let port = randomInt(20_000, 32_000)

/**
 * Returns an unused port outside of the range that systems choose ports from, so that a killed server can restart
 * on it.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    port = port < 32_000 ? port + 1 : 20_000
    const probe = createServer().listen(port, '127.0.0.1')
    const free = await once(probe, 'listening').then(() => true, () => false)
    if (!free) continue
    probe.close()
    await once(probe, 'close')
    return port
  }
}
