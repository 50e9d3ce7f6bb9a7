// A certified OpenID Connect provider that accepts every name and password, for tests and docker-compose.yml.
// As a program, it serves one until it is killed:
//
//   node provider.js ADDRESS HOST AUDIENCE PAGE...
//
// ADDRESS is its address for browsers and servers; it listens at HOST on that port. AUDIENCE is the audience of
// access tokens, and each PAGE a redirect address of the client `page`. If ADDRESS is an https address, the
// environment variables TLS_CERT and TLS_KEY are files with its certificate and key.
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { argv, env } from 'node:process'
import { Provider } from 'oidc-provider'

/** Creates a key that signs tokens. */
export async function signingKey() {
  const { privateKey } = await crypto.subtle.generateKey({ name: 'RSASSA-PKCS1-v1_5', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' }, true, ['sign', 'verify'])
  const { kty = 'RSA', key_ops: _operations, ext: _extractable, ...numbers } = await crypto.subtle.exportKey('jwk', privateKey)
  return { ...numbers, kty, use: 'sig' }
}

/**
 * @param {string} address
 * @param {string} audience
 * @param {string[]} pages
 * @param {Awaited<ReturnType<typeof signingKey>>} key
 */
export function createProvider(address, audience, pages, key) {
  return new Provider(address, {
    clients: [
      {
        client_id: 'page',
        redirect_uris: pages,
        token_endpoint_auth_method: 'none',
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        application_type: 'native', // may redirect to http on this machine
      },
      // For oauth2-proxy in front of a page.
      { client_id: 'proxy', client_secret: 'secret', redirect_uris: pages.map((page) => `${page}oauth2/callback`), application_type: 'native' },
      // For a program.
      { client_id: 'script', client_secret: 'secret', redirect_uris: [], response_types: [], grant_types: ['client_credentials'] },
    ],
    jwks: { keys: [key] },
    cookies: { keys: [crypto.randomUUID()] },
    claims: { profile: ['name'] },
    conformIdTokenClaims: false,
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, name: id }) }),
    clientBasedCORS: () => true,
    issueRefreshToken: (_, client) => client.grantTypeAllowed('refresh_token'),
    pkce: { required: () => true },
    ttl: { AccessToken: 600 },
    features: {
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: () => ({ scope: 'openid profile', audience, accessTokenFormat: 'jwt' }),
        useGrantedResource: () => true,
      },
    },
  })
}

if (import.meta.filename === argv[1]) {
  const [address, host, audience, ...pages] = argv.slice(2)
  if (address === undefined || audience === undefined || pages.length === 0) throw new Error('expected ADDRESS HOST AUDIENCE PAGE...')
  const handle = createProvider(address, audience, pages, await signingKey()).callback()
  const { port, protocol } = new URL(address)
  const server = protocol === 'https:' ? createSecureServer({ cert: readFileSync(env['TLS_CERT'] ?? ''), key: readFileSync(env['TLS_KEY'] ?? '') }) : createServer()
  server.on('request', (request, response) => void handle(request, response))
  server.listen(Number(port), host)
}
