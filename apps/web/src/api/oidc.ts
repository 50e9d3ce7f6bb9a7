import { ErrorResponse, UserManager, WebStorageStateStore, type User } from 'oidc-client-ts'
import { shallowRef } from 'vue'
import { Trouble } from './trouble'
import type { SignInConfig } from './config'
import type { SignIn } from './signIn'
import { localStore } from '@/outbox/preferences'
import { tabLocks } from '@/outbox/tabs'

/** Minimum remaining lifetime of a token, in seconds. A token with less is renewed before a request. */
const early = 60

/** Returns the sign-in that `config.json` names. Throws Trouble if the browser stores nothing. */
export async function open(config: SignInConfig): Promise<SignIn> {
  if (!localStore()) throw new Trouble('signin', 'This browser keeps no sign-in.', { code: 'no-storage' })
  const manager = managerOf(config)
  const person = shallowRef<string | null>(null)
  note(await manager.getUser())

  function note(user: User | null) {
    const { name, preferred_username: short, email, sub } = user?.profile ?? {}
    person.value = name ?? short ?? email ?? sub ?? null
  }

  // The token whose audience is the API. For issuers without audiences that is the ID token, which names the client.
  const byIDToken = config.audience === config.clientId
  const tokenOf = (user: User) => (byIDToken ? user.id_token : user.access_token)
  const left = (user: User) => (byIDToken ? user.profile.exp : (user.expires_at ?? Infinity)) - Date.now() / 1000

  async function renew(stale: (user: User) => boolean): Promise<User | null> {
    const user = await manager.getUser() // another window may have renewed it meanwhile
    if (!user || !stale(user)) return user
    try {
      return user.refresh_token === undefined ? valid(user) : await manager.signinSilent()
    } catch (cause) {
      if (cause instanceof ErrorResponse) return valid(user) // the issuer requires a new sign-in
      if (left(user) > 0) return user
      throw new Trouble('unreachable', 'The sign-in page could not be reached.', { cause })
    }
  }

  const valid = (user: User) => (left(user) > 0 ? user : null)

  return {
    person,
    async headers(refused) {
      const stale = (user: User) => left(user) <= early || `Bearer ${tokenOf(user)}` === refused
      let user = await manager.getUser()
      if (user && stale(user)) user = await alone(() => renew(stale))
      if (user) note(user)
      const token = user && tokenOf(user)
      return token ? { Authorization: `Bearer ${token}` } : {}
    },
    start: () => manager.signinRedirect({ state: { address: location.href } }),
    async leave() {
      await manager.removeUser()
      note(null)
    },
  }
}

/** Completes a sign-in, and restores the address at which it began. Throws the issuer's error. */
export async function finish(config: SignInConfig): Promise<void> {
  const manager = managerOf(config)
  let back: unknown
  try {
    back = (await manager.signinRedirectCallback()).state
  } catch (cause) {
    if (cause instanceof ErrorResponse) back = cause.state
    throw cause
  } finally {
    const address = typeof back === 'object' && back !== null && 'address' in back && typeof back.address === 'string' ? back.address : here()
    history.replaceState(null, '', address.startsWith(here()) ? address : here())
  }
}

/** The page's address without query and fragment. */
function here(): string {
  return new URL('.', document.baseURI).href
}

function managerOf(config: SignInConfig): UserManager {
  return new UserManager({
    authority: config.issuer,
    client_id: config.clientId,
    redirect_uri: here(),
    scope: config.scope,
    // RFC 8707 accepts only addresses; issuers with other audiences have another parameter.
    ...(URL.canParse(config.audience) && { resource: config.audience }),
    extraQueryParams: { audience: config.audience },
    userStore: new WebStorageStateStore({ store: localStorage }),
    automaticSilentRenew: false, // every window would do it; `headers` renews when a token is needed
    monitorSession: false,
  })
}

/** Runs one renewal at a time across all windows: an issuer may treat a second use of a refresh token as theft. */
async function alone<T>(task: () => Promise<T>): Promise<T> {
  return tabLocks()?.request('todo-sign-in', task) ?? task()
}
