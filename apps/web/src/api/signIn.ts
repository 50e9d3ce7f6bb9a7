import { shallowRef, type ShallowRef } from 'vue'
import type { SignInConfig } from './config'
import { part } from '@/part'

/** How people sign in to the API: by OpenID Connect's code flow with PKCE. */
export interface SignIn {
  /** The name of the person who signed in on this device, or null. */
  readonly person: Readonly<ShallowRef<string | null>>
  /**
   * The request headers that authenticate the person; empty when a sign-in is needed. Renews a token
   * that is about to expire, or that the API refused. Throws Trouble of kind `unreachable` while that needs a network.
   * @param refused the Authorization that the API refused: the clock here may be wrong
   */
  headers(refused?: string): Promise<Record<string, string>>
  /** Leaves for the issuer's page, which comes back here. */
  start(): Promise<void>
  /** Forgets the person on this device. */
  leave(): Promise<void>
}

/** The way that this page signs people in, once `openSignIn` found that it does. */
export const signIn = shallowRef<SignIn | null>(null)

/** Opens the door that `config.json` names. What it needs comes only where there is one. */
export async function openSignIn(config: SignInConfig): Promise<SignIn> {
  return (signIn.value ??= await (await part(import('./oidc'))).open(config))
}

/**
 * Ends a sign-in when the address is that to which the issuer sends people back, and puts the address in place at which it began.
 * Throws what went wrong at the issuer, in its words.
 */
export async function finishSignIn(config: () => Promise<SignInConfig | null>): Promise<void> {
  const answer = new URLSearchParams(location.search)
  if (!answer.has('state') || !(answer.has('code') || answer.has('error'))) return
  const found = await config()
  if (found) await (await part(import('./oidc'))).finish(found)
}
