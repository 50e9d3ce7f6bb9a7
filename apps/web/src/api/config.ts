import { read, request } from './request'

/** What differs from one place where the page is served to another. Read at run time, so that one build serves all. */
export interface Config {
  /** Where the API is: an address without a slash at its end; empty for the page's own origin. */
  readonly apiBase: string
}

/** Reads `config.json` beside the page. Throws Trouble. */
export async function loadConfig(): Promise<Config> {
  return read(await request(new URL('config.json', document.baseURI), { cache: 'no-cache' }), decodeConfig)
}

/** Reads a config. Throws a TypeError that names the place and what was expected. */
export function decodeConfig(value: unknown): Config {
  const base: unknown = typeof value === 'object' && value !== null && 'apiBase' in value ? value.apiBase : undefined
  if (typeof base !== 'string' || !/^(https?:\/\/[^?#]+)?$/.test(base)) {
    throw new TypeError('config.json, apiBase: expected "" or an address such as "https://api.example.com"')
  }
  return { apiBase: base.replace(/\/+$/, '') }
}
