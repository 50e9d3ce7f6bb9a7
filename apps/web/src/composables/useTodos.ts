import { computed, onScopeDispose, ref, shallowRef, type ComputedRef, type Ref, type ShallowRef } from 'vue'
import type { ListClient } from '@/api/client'
import { Trouble } from '@/api/trouble'
import type { Watch } from '@/api/watch'
import type { Database, StorageTrouble } from '@/outbox/database'
import { Outbox, type Entry } from '@/outbox/outbox'
import { Sender } from '@/outbox/sender'
import { differences } from '@/todos/differences'
import { applyOperations, keepIdentity, reorder } from '@/todos/operations'
import { randomId } from '@/todos/randomId'
import { quote, type Change, type Operation, type Snapshot, type Todo } from '@/todos/todo'

/**
 * What is known of the server.
 * - `connecting`: nothing yet.
 * - `connected`: it answered last time, and the list is followed.
 * - `unreachable`: it did not answer.
 * - `troubled`: it answered with trouble of its own, or with something that is not this API.
 */
export type Contact = 'connecting' | 'connected' | 'unreachable' | 'troubled'

/** Items that were taken away, and can be brought back. */
export interface Removal {
  readonly todos: readonly Todo[]
  readonly text: string
}

export interface Options {
  readonly list: string
  /** Gives the API; called again after it failed. */
  readonly connect: () => Promise<ListClient>
  readonly database: Promise<Database>
  /** A sentence for who does not see what changed. */
  readonly announce?: (text: string) => void
}

export interface Todos {
  /** The list as it will be when everything that waits has landed. */
  todos: ComputedRef<readonly Todo[]>
  /** Whether the list was ever read from the server, now or in an earlier visit. Until then `todos` is only what was added here. */
  loaded: ComputedRef<boolean>
  /** How many changes the server has not confirmed. */
  waiting: ComputedRef<number>
  /** Whether some of them would be lost with this tab. */
  unkept: ComputedRef<boolean>
  /** Changes that the server refused and that were rolled back, until dismissed. */
  refused: ComputedRef<readonly Entry[]>
  contact: ComputedRef<Contact>
  /** Why the server is not `connected`. */
  trouble: ComputedRef<Trouble | null>
  storageTrouble: ShallowRef<StorageTrouble | null>
  /** Seconds since the server last could ask its store, while it answers from memory. */
  age: Ref<number | null>
  removal: ShallowRef<Removal | null>

  add(titles: readonly string[]): void
  change(id: string, change: Change): void
  completeAll(completed: boolean): void
  remove(id: string): void
  clearCompleted(): void
  /** Puts an item directly before another, or last. */
  move(id: string, before: string | null): void
  /** Puts an item into the list again, as it is given. */
  create(todos: readonly Todo[]): void
  undo(): void
  dismissRefused(entries: readonly Entry[]): void
  retryRefused(entries: readonly Entry[]): void
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
 * The state of one list. What is shown is the last state that the server told, with the operations
 * that wait applied on top: a change is seen at once, and one that is refused is rolled back by
 * leaving it out. Must be called in a component's setup or an effect scope; stops with it.
 */
export function useTodos({ list, connect, database, announce = () => undefined }: Options): Todos {
  const confirmed = shallowRef<Snapshot | null>(null)
  const entries = shallowRef<readonly Entry[]>([])
  const met = ref(false)
  const readTrouble = shallowRef<Trouble | null>(null)
  const writeTrouble = shallowRef<Trouble | null>(null)
  const storageTrouble = shallowRef<StorageTrouble | null>(null)
  const age = ref<number | null>(null)
  const removal = shallowRef<Removal | null>(null)

  const outbox = new Outbox(list, database, {
    changed: () => (entries.value = outbox.entries),
    stored: (snapshot) => {
      if (!confirmed.value || snapshot.revision > confirmed.value.revision) show(snapshot)
    },
    troubled: (cause) => (storageTrouble.value = cause),
  })
  const sender = new Sender(list, outbox, client, {
    sent: () => {
      answered()
      writeTrouble.value = null
      clearTimeout(eventTimer)
      eventTimer = setTimeout(() => {
        if (entries.value.some((entry) => entry.state === 'landed')) void load()
      }, following ? eventPatience : 0)
    },
    troubled: (cause) => (writeTrouble.value = cause),
  })

  // Items that look as before are the same objects, so that a list of thousands is not drawn anew at each step.
  const todos = computed((before?: readonly Todo[]) => keepIdentity(before ?? [], applyOperations(confirmed.value?.todos ?? [], pending(entries.value, confirmed.value))))
  const waitingEntries = computed(() => entries.value.filter((entry) => entry.state === 'waiting'))
  // Trouble with sending ends with what there is to send: another tab may have sent it.
  const trouble = computed(() => readTrouble.value ?? (waitingEntries.value.length > 0 ? writeTrouble.value : null))
  const contact = computed((): Contact => {
    if (trouble.value) return trouble.value.kind === 'unreachable' ? 'unreachable' : 'troubled'
    return met.value ? 'connected' : 'connecting'
  })

  // --- What the server says

  function show(snapshot: Snapshot) {
    const before = confirmed.value && todos.value
    confirmed.value = { revision: snapshot.revision, todos: snapshot.todos }
    // One's own changes are in the list already when they land, so what differs now was done elsewhere.
    const news = before ? differences(before, todos.value) : ''
    if (news) announce(`Elsewhere: ${news}.`)
  }

  function accept(snapshot: Snapshot) {
    show(snapshot)
    void outbox.confirm(snapshot)
  }

  /** The server's list is at an earlier revision than it was: its store was emptied or restored. */
  function acceptEarlier(snapshot: Snapshot) {
    const before = todos.value
    void outbox.confirm(snapshot, true)
    show(snapshot)
    const present = new Set(todos.value.map((todo) => todo.id))
    const missing = before.filter((todo) => !present.has(todo.id))
    if (missing.length > 0) {
      removal.value = { todos: missing, text: `The server went back to an older state of this list. ${missing.length === 1 ? 'One item is' : `${missing.length} items are`} no longer in it.` }
    }
  }

  // --- Getting at it

  let connection: Promise<ListClient> | undefined
  let watch: Watch | undefined
  let following = false
  let loading = false
  let failures = 0
  let loadTimer: ReturnType<typeof setTimeout> | undefined
  let eventTimer: ReturnType<typeof setTimeout> | undefined
  let hiddenTimer: ReturnType<typeof setTimeout> | undefined
  let disposed = false

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
    if (!disposed) loadTimer = setTimeout(() => void load(), pause)
  }

  async function load() {
    clearTimeout(loadTimer)
    if (loading || disposed) return
    loading = true
    const before = confirmed.value
    try {
      const api = await client()
      const loaded = await api.load()
      // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- it may have become so while waiting
      if (disposed) return
      answered()
      failures = 0
      age.value = loaded.age
      const current = confirmed.value
      if (!current || loaded.revision >= current.revision) accept(loaded)
      // A read sees every write that was confirmed before it began. Only an answer from the server's memory, or one that
      // something newer has overtaken, may be older without the list having gone back.
      else if (loaded.age === null && current === before) acceptEarlier(loaded)
      if (!watch && document.visibilityState === 'visible') follow(api)
      if (!following || loaded.age !== null) later(pollPause)
    } catch (cause) {
      const reason = cause instanceof Trouble ? cause : new Trouble('unreadable', 'The page failed to read the list.', { cause })
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
        if (age.value === null) clearTimeout(loadTimer)
        answered()
        void sender.flush()
      },
      received(snapshot) {
        // One server may hear later than another of a revision: whether the list went back, only a read can tell.
        if (confirmed.value && snapshot.revision < confirmed.value.revision) void load()
        else accept(snapshot)
      },
      lost() {
        following = false
        void load() // says why, and keeps the list fresh where streams do not get through
      },
      failed: (cause) => (readTrouble.value = cause),
    })
  }

  function unfollow() {
    watch?.close()
    watch = undefined
    following = false
    clearTimeout(loadTimer)
  }

  function wake() {
    failures = 0
    watch?.check()
    void load()
    void sender.flush()
  }

  function onVisibility() {
    clearTimeout(hiddenTimer)
    if (document.visibilityState === 'hidden') hiddenTimer = setTimeout(unfollow, hiddenPatience)
    else wake()
  }

  function onShow(event: PageTransitionEvent) {
    if (event.persisted) wake() // brought back by the Back button, with a stream that the browser has closed
  }

  function onOffline() {
    readTrouble.value = new Trouble('unreachable', 'This device is offline.')
  }

  function onUnload(event: BeforeUnloadEvent) {
    if (unkept.value) event.preventDefault()
  }

  document.addEventListener('visibilitychange', onVisibility)
  window.addEventListener('online', wake)
  window.addEventListener('pageshow', onShow)
  window.addEventListener('offline', onOffline)
  window.addEventListener('beforeunload', onUnload)
  onScopeDispose(() => {
    disposed = true
    unfollow()
    sender.close()
    outbox.close()
    clearTimeout(eventTimer)
    clearTimeout(hiddenTimer)
    document.removeEventListener('visibilitychange', onVisibility)
    window.removeEventListener('online', wake)
    window.removeEventListener('pageshow', onShow)
    window.removeEventListener('offline', onOffline)
    window.removeEventListener('beforeunload', onUnload)
  })

  void load()
  void sender.flush() // begins with what an earlier visit has left

  // --- What a person does

  function perform(operations: readonly { operation: Operation; about: string }[]) {
    if (operations.length === 0) return
    void outbox.add(operations).then(() => sender.flush())
  }

  function find(id: string): Todo | undefined {
    return todos.value.find((todo) => todo.id === id)
  }

  function create(items: readonly (Omit<Todo, 'order'> & { order?: number })[]) {
    perform(items.map(({ id, title, completed, order }) => ({
      operation: { id: randomId(), type: 'create', todo: { id, title, completed, ...(order !== undefined && { order }) } },
      about: title,
    })))
  }

  function deleteAll(items: readonly Todo[], text: string) {
    if (items.length === 0) return
    removal.value = { todos: items, text }
    perform(items.map(({ id, title }) => ({ operation: { id: randomId(), type: 'delete', todoId: id }, about: title })))
    announce(`${text} It can be undone.`)
  }

  const unkept = computed(() => waitingEntries.value.some((entry) => !entry.kept))

  return {
    todos,
    loaded: computed(() => confirmed.value !== null),
    waiting: computed(() => waitingEntries.value.length),
    unkept,
    refused: computed(() => entries.value.filter((entry) => entry.state === 'refused')),
    contact,
    trouble,
    storageTrouble,
    age,
    removal,
    create,
    wake,

    // Without an order: the server puts new items last, in the order in which they arrive, so that two people who add
    // several each while offline do not find them interleaved.
    add(titles) {
      create(titles.map((title) => ({ id: randomId(), title, completed: false })))
    },

    change(id, change) {
      const todo = find(id)
      if (todo) perform([{ operation: { id: randomId(), type: 'update', todoId: id, change }, about: todo.title }])
    },

    completeAll(completed) {
      perform([{ operation: { id: randomId(), type: 'completeAll', completed }, about: '' }])
    },

    remove(id) {
      const todo = find(id)
      if (todo) deleteAll([todo], `Deleted ${quote(todo.title)}.`)
    },

    // Each by its id, not the API's clearCompleted: sent hours later, that would also take what others have completed
    // meanwhile and this person has never seen completed.
    clearCompleted() {
      const completed = todos.value.filter((todo) => todo.completed)
      deleteAll(completed, completed.length === 1 ? 'Cleared 1 completed item.' : `Cleared ${completed.length} completed items.`)
    },

    move(id, before) {
      perform(reorder(todos.value, id, before).map((change) => ({
        operation: { id: randomId(), type: 'update', todoId: change.id, change: { order: change.order } },
        about: find(change.id)?.title ?? '',
      })))
    },

    undo() {
      const undone = removal.value
      if (!undone) return
      removal.value = null
      create(undone.todos)
      announce(undone.todos.length === 1 ? 'Brought back 1 item.' : `Brought back ${undone.todos.length} items.`)
    },

    dismissRefused(refused) {
      void outbox.dismiss(new Set(refused.map((entry) => entry.operation.id)))
    },

    // Under new ids: the server answers the old ones as before.
    retryRefused(refused) {
      void outbox.dismiss(new Set(refused.map((entry) => entry.operation.id)))
      perform(refused.map(({ operation, about }) => ({ operation: { ...operation, id: randomId() }, about })))
    },
  }
}

function* pending(entries: readonly Entry[], confirmed: Snapshot | null): Iterable<Operation> {
  for (const { state, revision = 0, operation } of entries) {
    if (state === 'waiting' || (state === 'landed' && revision > (confirmed?.revision ?? -1))) yield operation
  }
}
