import { once } from 'node:events'
import { createServer, type Server as HttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createProvider, signingKey } from './provider'
import { Server } from './server'

/** A certified OpenID Connect provider in this process, which accepts every name. */
export class Issuer {
  readonly #http: HttpServer
  #handle: ReturnType<ReturnType<typeof createProvider>['callback']> | null = null

  private constructor(http: HttpServer) {
    this.#http = http
  }

  static async start(): Promise<Issuer> {
    const http = createServer((request, response) => {
      if (issuer.#handle) void issuer.#handle(request, response)
      else response.writeHead(503).end()
    })
    const issuer = new Issuer(http)
    http.listen(0, '127.0.0.1')
    await once(http, 'listening')
    return issuer
  }

  get address(): string {
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`
  }

  /** The audience of the access tokens. */
  readonly audience = 'https://todo.example'

  /** Starts a server that uses this issuer, and registers its page. */
  async server(audience = this.audience): Promise<Server> {
    this.forget('http://127.0.0.1/') // the provider must exist before the server requests its keys
    const server = await Server.start({ TODO_OIDC_ISSUER: this.address, TODO_OIDC_AUDIENCE: audience, TODO_OIDC_CLIENT_ID: 'page', TODO_OIDC_SCOPE: 'openid profile' })
    this.forget(`${server.address}/`)
    return server
  }

  /** Registers a page, and deletes sessions and tokens, but not the keys. */
  forget(page: string): void {
    this.#handle = createProvider(this.address, this.audience, [page], key).callback()
  }

  /** Stops the issuer. */
  goAway(): void {
    this.#handle = null
  }

  async stop(): Promise<void> {
    const closed = once(this.#http, 'close')
    this.#http.close()
    this.#http.closeAllConnections()
    await closed
  }
}

const key = await signingKey()
