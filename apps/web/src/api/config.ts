import { read, request } from './request'

/** The deployment's settings, read at run time, so that one build serves every deployment. */
export interface Config {
  /** Address of the API, without a slash at its end; empty for the page's origin. */
  readonly apiBase: string
  /** The sign-in, or null if the API requires none. */
  readonly signIn: SignInConfig | null
}

/** An OpenID Connect issuer, and this page as its client. */
export interface SignInConfig {
  readonly issuer: string
  readonly clientId: string
  /** The audience of the API's tokens. */
  readonly audience: string
  /** Scopes, separated by spaces. */
  readonly scope: string
}

/** Reads `config.json`, beside the page unless an address is given. Throws Trouble. */
export async function loadConfig(address: string | URL = new URL('config.json', document.baseURI)): Promise<Config> {
  return read(await request(address, { cache: 'no-cache' }), decodeConfig)
}

/** Decodes the settings. Throws a TypeError that names the place and what was expected. */
export function decodeConfig(value: unknown): Config {
  const base: unknown = typeof value === 'object' && value !== null && 'apiBase' in value ? value.apiBase : undefined
  if (typeof base !== 'string' || !/^(https?:\/\/[^?#]+)?$/.test(base)) {
    throw new TypeError('config.json, apiBase: expected "" or an address such as "https://api.example.com"')
  }
  return { apiBase: base.replace(/\/+$/, ''), signIn: decodeSignIn((value as Record<string, unknown>)['signIn']) }
}

function decodeSignIn(value: unknown): SignInConfig | null {
  if (value === undefined || value === null) return null
  const fields: Record<string, unknown> = typeof value === 'object' ? { ...value } : {}
  const text = (name: string) => {
    const field = fields[name]
    if (typeof field !== 'string' || field === '') throw new TypeError(`config.json, signIn.${name}: expected a text that is not empty`)
    return field
  }
  const issuer = text('issuer')
  if (!/^https?:\/\/[^?#]+$/.test(issuer)) throw new TypeError('config.json, signIn.issuer: expected an address such as "https://login.example.com"')
  return { issuer, clientId: text('clientId'), audience: text('audience'), scope: text('scope') }
}
