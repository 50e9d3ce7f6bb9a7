import { computed, onScopeDispose, ref, shallowRef, type ComputedRef, type Ref, type ShallowRef } from 'vue'
import type { Database, StorageTrouble } from '@/outbox/database'
import { Outbox, type Entry } from '@/outbox/outbox'
import { differences } from '@/todos/differences'
import { applyOperations, keepIdentity } from '@/todos/operations'
import type { Operation, Snapshot, Todo } from '@/todos/todo'

/** Items that were deleted and can be brought back. */
export interface Removal {
  readonly todos: readonly Todo[]
  readonly text: string
}

export interface ListState {
  readonly outbox: Outbox
  /** The list as the server last told it, or null before that. */
  confirmed: Readonly<ShallowRef<Snapshot | null>>
  /** When what is shown was last known to be current, by this device's clock; null when that is unknown. */
  current: Readonly<Ref<number | null>>
  /** The list as it will be when everything that waits has landed. */
  todos: ComputedRef<readonly Todo[]>
  /** Whether the list was ever read from the server, now or in an earlier visit. Until then `todos` is only what was added here. */
  loaded: ComputedRef<boolean>
  /** How many changes the server has not confirmed. */
  waiting: ComputedRef<number>
  /** Whether the server took a change that the list it told does not contain yet. */
  landing: ComputedRef<boolean>
  /** Whether some of them would be lost with this tab. */
  unkept: ComputedRef<boolean>
  /** Changes that the server refused and that were rolled back, until dismissed. */
  refused: ComputedRef<readonly Entry[]>
  storageTrouble: ShallowRef<StorageTrouble | null>
  removal: ShallowRef<Removal | null>

  /** Takes a list that the server told, and when it was that. */
  accept(snapshot: Snapshot, at?: number): void
  /** The server still has the list that is shown. */
  reaffirm(): void
  /** Takes a list at an earlier revision: the server's store was emptied or restored. */
  acceptEarlier(snapshot: Snapshot): void
}

/**
 * What is known of one list. What is shown is the last state that the server told, with the operations
 * that wait applied on top: a change is seen at once, and one that is refused is rolled back by
 * leaving it out. Ends with the scope it is called in.
 * @param announce takes a sentence for screen readers about what changed elsewhere
 */
export function useListState(list: string, database: Promise<Database>, announce: (sentence: string) => void): ListState {
  const confirmed = shallowRef<Snapshot | null>(null)
  const current = ref<number | null>(null)
  const entries = shallowRef<readonly Entry[]>([])
  const storageTrouble = shallowRef<StorageTrouble | null>(null)
  const removal = shallowRef<Removal | null>(null)

  const outbox = new Outbox(list, database, {
    changed: () => (entries.value = outbox.entries),
    stored: (snapshot) => {
      if (!confirmed.value || snapshot.revision > confirmed.value.revision) show(snapshot)
      if (snapshot.revision === confirmed.value?.revision) current.value = Math.max(current.value ?? 0, snapshot.at ?? 0) || null
    },
    troubled: (cause) => (storageTrouble.value = cause),
  })
  onScopeDispose(() => outbox.close())

  // Items that look as before are the same objects, so that a list of thousands is not drawn anew at each step.
  const todos = computed((before?: readonly Todo[]) => keepIdentity(before ?? [], applyOperations(confirmed.value?.todos ?? [], pending(entries.value, confirmed.value))))
  const waiting = computed(() => entries.value.filter((entry) => entry.state === 'waiting'))

  function show(snapshot: Snapshot) {
    const before = confirmed.value && todos.value
    confirmed.value = { revision: snapshot.revision, todos: snapshot.todos }
    // One's own changes are in the list already when they land, so what differs now was done elsewhere.
    const news = before ? differences(before, todos.value) : ''
    if (news) announce(`Elsewhere: ${news}.`)
  }

  return {
    outbox,
    confirmed,
    current,
    todos,
    loaded: computed(() => confirmed.value !== null),
    waiting: computed(() => waiting.value.length),
    landing: computed(() => entries.value.some((entry) => entry.state === 'landed')),
    unkept: computed(() => waiting.value.some((entry) => !entry.kept)),
    refused: computed(() => entries.value.filter((entry) => entry.state === 'refused')),
    storageTrouble,
    removal,

    accept(snapshot, at = Date.now()) {
      show(snapshot)
      current.value = at
      void outbox.confirm(snapshot, at)
    },

    reaffirm() {
      current.value = Date.now()
    },

    acceptEarlier(snapshot) {
      const before = todos.value
      current.value = Date.now()
      void outbox.confirm(snapshot, current.value, true)
      show(snapshot)
      const present = new Set(todos.value.map((todo) => todo.id))
      const missing = before.filter((todo) => !present.has(todo.id))
      if (missing.length > 0) {
        removal.value = { todos: missing, text: `The server went back to an older state of this list. ${missing.length === 1 ? 'One item is' : `${missing.length} items are`} no longer in it.` }
      }
    },
  }
}

function* pending(entries: readonly Entry[], confirmed: Snapshot | null): Iterable<Operation> {
  for (const { state, revision = 0, operation } of entries) {
    if (state === 'waiting' || (state === 'landed' && revision > (confirmed?.revision ?? -1))) yield operation
  }
}
