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
 * What is known of the server.
 * - `connecting`: nothing yet.
 * - `connected`: it answered last time, and the list is followed.
 * - `unreachable`: it did not answer.
 * - `troubled`: it answered with trouble of its own, or with something that is not this API.
 */
export type Contact = 'connecting' | 'connected' | 'unreachable' | 'troubled'

export interface Connection {
  contact: ComputedRef<Contact>
  /** Why the server is not `connected`. */
  trouble: ComputedRef<Trouble | null>
  /** Whether the server cannot reach its store and answers from memory. */
  fromMemory: Ref<boolean>
  /** How many seconds ago what is shown was last known to be current; null when that is unknown. Counted while it is not. */
  age: ComputedRef<number | null>
  /** How many streams of the list are open on the server that this one is open on, or null. */
  here: Ref<number | null>
  /** Sends what waits. */
  send: () => void
  /** What the last revisions removed or changed, the newest first. Throws Trouble. */
  history: () => Promise<readonly HistoryEntry[]>
  /** Asks the server now, rather than at the end of a pause. */
  wake(): void
}

// The list is asked for in this rhythm only while it cannot be followed by events.
const pollPause = 10_000
// For an event to arrive that shows what has landed.
const eventPatience = 3_000
// A hidden page stops following: browsers give one origin six connections, and a stream holds one.
const hiddenPatience = 10_000

/**
 * Keeps a list's state and the server's the same: reads and follows the list, and sends what waits.
 * Ends with the scope it is called in.
 * @param connect gives the API; called again after it failed
 * @param editable whether the API takes changes; without it nothing is sent
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

  // Trouble with sending ends with what there is to send: another tab may have sent it.
  const trouble = computed(() => readTrouble.value ?? (waiting.value > 0 ? writeTrouble.value : null))
  const contact = computed((): Contact => {
    if (trouble.value) return trouble.value.kind === 'unreachable' ? 'unreachable' : 'troubled'
    return met.value && fresh.value ? 'connected' : 'connecting'
  })
  const age = computed(() => (state.current.value === null ? null : Math.max(0, Math.round((now.value - state.current.value) / 1000))))
  // Heartbeats come every 15 s; when none does, the list may have changed long ago.
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
      // something newer has overtaken, may be older without the list having gone back.
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
        // One server may hear later than another of a revision: whether the list went back, only a read can tell.
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
        void load() // says why, and keeps the list fresh where streams do not get through
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
  window.addEventListener('pageshow', ({ persisted }) => persisted && wake(), until) // brought back by the Back button, with a stream that the browser has closed
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
  if (editable) send() // begins with what an earlier visit has left
  else void outbox.refresh()

  return { contact, trouble, fromMemory, age, here, wake, send, history: async () => (await client()).history() }
}
