import { shallowRef, type ShallowRef } from 'vue'
import type { SignInConfig } from './config'
import { part } from '@/part'

/** Sign-in to the API by OpenID Connect's code flow with PKCE. */
export interface SignIn {
  /** The name of the person who signed in on this device, or null. */
  readonly person: Readonly<ShallowRef<string | null>>
  /**
   * The request headers that authenticate the person; empty when a sign-in is needed. Renews a token
   * that is about to expire, or that the API refused. Throws Trouble of kind `unreachable` if renewal needs a network.
   * @param refused the Authorization header that the API refused, since this device's clock may be wrong
   */
  headers(refused?: string): Promise<Record<string, string>>
  /** Goes to the issuer's page, which returns to this one. */
  start(): Promise<void>
  /** Forgets the person on this device. */
  leave(): Promise<void>
}

/** The page's sign-in, or null until `openSignIn` has found one. */
export const signIn = shallowRef<SignIn | null>(null)

/** Prepares the sign-in that `config.json` names. Its library is loaded only if there is one. */
export async function openSignIn(config: SignInConfig): Promise<SignIn> {
  return (signIn.value ??= await (await part(import('./oidc'))).open(config))
}

/**
 * Completes a sign-in if the address is the one to which the issuer returns, and restores the address at which it began.
 * Throws the issuer's error.
 */
export async function finishSignIn(config: () => Promise<SignInConfig | null>): Promise<void> {
  const answer = new URLSearchParams(location.search)
  if (!answer.has('state') || !(answer.has('code') || answer.has('error'))) return
  const found = await config()
  if (found) await (await part(import('./oidc'))).finish(found)
}
