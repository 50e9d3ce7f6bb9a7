import { once } from 'node:events'
import { createServer, type Server as HttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createProvider, signingKey } from './provider'
import { Server } from './server'

/** A certified OpenID Connect provider, in this process: anybody signs in there, under any name. */
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

  /** The API, as access tokens name it. */
  readonly audience = 'https://todo.example'

  /** Starts a server where people sign in here, and whose page the issuer knows. */
  async server(audience = this.audience): Promise<Server> {
    this.forget('http://127.0.0.1/') // it must be known before the server asks for its keys
    const server = await Server.start({ TODO_OIDC_ISSUER: this.address, TODO_OIDC_AUDIENCE: audience, TODO_OIDC_CLIENT_ID: 'page', TODO_OIDC_SCOPE: 'openid profile' })
    this.forget(`${server.address}/`)
    return server
  }

  /** Makes it know a page, and forget whatever it knew: who signed in, and its tokens. Its keys stay. */
  forget(page: string): void {
    this.#handle = createProvider(this.address, this.audience, [page], key).callback()
  }

  /** Goes on to answer nobody. */
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
