import { computed, onScopeDispose, ref, shallowRef, type ComputedRef, type Ref } from 'vue'
import { scopeSignal } from './scopeSignal'
import type { ListState } from './useListState'
import type { ListClient } from '@/api/client'
import type { HistoryEntry } from '@/api/decode'
import { shortPatience } from '@/api/request'
import { Trouble } from '@/api/trouble'
import { silence, type Watch } from '@/api/watch'
import { sendInBackground } from '@/outbox/backgroundSync'
import { Sender } from '@/outbox/sender'

/**
 * The state of the connection to the server.
 * - `connecting`: unknown yet.
 * - `connected`: the last request succeeded, and the list is followed.
 * - `unreachable`: no response.
 * - `troubled`: it responded with an error, or its response was not the API's.
 */
export type Contact = 'connecting' | 'connected' | 'unreachable' | 'troubled'

export interface Connection {
  contact: ComputedRef<Contact>
  /** Why the server is not `connected`. */
  trouble: ComputedRef<Trouble | null>
  /** Whether the server answers from memory, because it cannot reach its store. */
  fromMemory: Ref<boolean>
  /** Seconds since the shown list was last known to be current, or null if unknown. It is updated only while the list is not. */
  age: ComputedRef<number | null>
  /** Number of the list's streams on the server that has this one, or null. */
  here: Ref<number | null>
  /** Sends the waiting changes. */
  send: () => void
  /** Returns the items that the last revisions removed or changed, newest revision first. Throws Trouble. */
  history: () => Promise<readonly HistoryEntry[]>
  /** Ends a pause and contacts the server now. */
  wake(): void
}

// Intervals of polling, while no event stream is open.
const pollPause = 10_000
// Time limit for an event that contains a landed change.
const eventPatience = 3_000
// A hidden page closes its stream, since a browser opens six connections to an origin.
const hiddenPatience = 10_000

/**
 * Synchronises a list with the server: reads and follows it, and sends the waiting changes.
 * Ends with the scope it is called in.
 * @param connect returns the API; called again after a failure
 * @param editable whether the list may be changed; otherwise nothing is sent
 */
export function useConnection(list: string, state: ListState, connect: () => Promise<ListClient>, editable = true): Connection {
  const { confirmed, outbox, waiting } = state
  const met = ref(false)
  const readTrouble = shallowRef<Trouble | null>(null)
  const writeTrouble = shallowRef<Trouble | null>(null)
  const fromMemory = ref(false)
  const here = ref<number | null>(null)
  const now = ref(Date.now())

  const sender = new Sender(list, outbox, client, {
    sent: () => {
      answered()
      writeTrouble.value = null
      clearTimeout(eventTimer)
      eventTimer = setTimeout(() => {
        if (state.landing.value) void load()
      }, following ? eventPatience : 0)
    },
    troubled: (cause) => {
      writeTrouble.value = cause
      void sendInBackground()
    },
  })

  // A failure to send is over when nothing waits: another tab may have sent it.
  const trouble = computed(() => readTrouble.value ?? (waiting.value > 0 ? writeTrouble.value : null))
  const contact = computed((): Contact => {
    if (trouble.value) return trouble.value.kind === 'unreachable' ? 'unreachable' : 'troubled'
    return met.value && fresh.value ? 'connected' : 'connecting'
  })
  const age = computed(() => (state.current.value === null ? null : Math.max(0, Math.round((now.value - state.current.value) / 1000))))
  // Without a heartbeat, which comes every 15 s, the list may have changed.
  const fresh = computed(() => fromMemory.value || age.value === null || age.value * 1000 < silence)
  const clock = setInterval(() => {
    if (document.visibilityState === 'visible') now.value = Date.now()
  }, 5_000)

  let connection: Promise<ListClient> | undefined
  let watch: Watch | undefined
  let following = false
  let loading = false
  let failures = 0
  let silent = false // the stream was lost, and nothing has answered since
  let loadTimer: ReturnType<typeof setTimeout> | undefined
  let eventTimer: ReturnType<typeof setTimeout> | undefined
  let hiddenTimer: ReturnType<typeof setTimeout> | undefined
  const until = { signal: scopeSignal() }

  function send() {
    if (editable) void sender.flush()
  }

  function client(): Promise<ListClient> {
    connection ??= connect().catch((cause: unknown) => {
      connection = undefined
      throw cause
    })
    return connection
  }

  function answered() {
    met.value = true
    readTrouble.value = null
  }

  function later(pause: number) {
    clearTimeout(loadTimer)
    if (!until.signal.aborted) loadTimer = setTimeout(() => void load(), pause)
  }

  async function load() {
    clearTimeout(loadTimer)
    if (loading || until.signal.aborted) return
    loading = true
    const before = confirmed.value
    try {
      const api = await client()
      const loaded = await api.load(silent && failures < 5 ? shortPatience : undefined)
      // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- it may have become so while waiting
      if (until.signal.aborted) return
      answered()
      failures = 0
      silent = false
      fromMemory.value = loaded.age !== null
      now.value = Date.now()
      const current = confirmed.value
      if (!current || loaded.revision >= current.revision) state.accept(loaded, now.value - (loaded.age ?? 0) * 1000)
      // A read sees every write that was confirmed before it began. Only an answer from the server's memory, or one that
      // arrives after a newer one, may be older although the list did not go back to an earlier revision.
      else if (loaded.age === null && current === before) state.acceptEarlier(loaded)
      if (!watch && document.visibilityState === 'visible') follow(api)
      if (!following || loaded.age !== null) later(pollPause)
    } catch (cause) {
      const reason = cause instanceof Trouble ? cause : new Trouble('unreadable', 'reading', { cause })
      readTrouble.value = reason
      later(Math.max(reason.retryAfter ?? 0, Math.min(30_000, 1000 * 2 ** failures++) * (0.5 + Math.random() / 2)))
    } finally {
      loading = false
    }
  }

  function follow(api: ListClient) {
    watch = api.watch({
      opened() {
        following = true
        if (!fromMemory.value) clearTimeout(loadTimer)
        answered()
        send()
      },
      received(snapshot) {
        // Servers learn of a revision at different times: only a read can decide whether the list went back.
        if (confirmed.value && snapshot.revision < confirmed.value.revision) void load()
        else state.accept(snapshot)
      },
      alive() {
        if (!fromMemory.value) state.reaffirm()
      },
      heartbeat(revision, streams) {
        here.value = streams
        if (revision !== confirmed.value?.revision) void load() // an event was missed
      },
      lost() {
        following = false
        here.value = null
        silent = true
        void load() // finds the reason, and polls where streams are blocked
      },
      failed: (cause) => (readTrouble.value = cause),
    })
  }

  function unfollow() {
    watch?.close()
    watch = undefined
    following = false
    here.value = null
    clearTimeout(loadTimer)
  }

  function wake() {
    now.value = Date.now()
    failures = 0
    watch?.check()
    void load()
    send()
  }

  function onVisibility() {
    clearTimeout(hiddenTimer)
    if (document.visibilityState === 'hidden') hiddenTimer = setTimeout(unfollow, hiddenPatience)
    else wake()
  }

  document.addEventListener('visibilitychange', onVisibility, until)
  window.addEventListener('online', wake, until)
  window.addEventListener('pageshow', ({ persisted }) => persisted && wake(), until) // restored from the back/forward cache, without its stream
  window.addEventListener('pagehide', () => waiting.value > 0 && void sendInBackground(), until)
  window.addEventListener('offline', () => (readTrouble.value = new Trouble('unreachable', 'This device is offline.')), until)
  window.addEventListener('beforeunload', (event) => state.unkept.value && event.preventDefault(), until)
  onScopeDispose(() => {
    unfollow()
    sender.close()
    clearTimeout(eventTimer)
    clearTimeout(hiddenTimer)
    clearInterval(clock)
  })

  void load()
  if (editable) send() // the changes that wait from an earlier visit
  else void outbox.refresh()

  return { contact, trouble, fromMemory, age, here, wake, send, history: async () => (await client()).history() }
}
