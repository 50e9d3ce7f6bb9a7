import { computed, onScopeDispose, ref, shallowRef, type ComputedRef, type Ref, type ShallowRef } from 'vue'
import type { Database, StorageTrouble } from '@/outbox/database'
import { Outbox, type Entry } from '@/outbox/outbox'
import { differences } from '@/todos/differences'
import { isOldPrivate, isPrivate } from '@/todos/listKey'
import { applyOperations, keepIdentity, titleAfter } from '@/todos/operations'
import { words } from '@/words'
import type { Operation, Snapshot, Todo } from '@/todos/todo'

/** Deleted items that can be restored. */
export interface Removal {
  readonly todos: readonly Todo[]
  readonly text: string
  /** Whether the list itself may have been deleted: its items are then in another list, and must not be restored here. */
  readonly erased?: boolean
  /** The removal in the previous notice. */
  readonly before?: Removal | null
}

export interface ListState {
  readonly outbox: Outbox
  /** The list as the server last sent it, or null before that. */
  confirmed: Readonly<ShallowRef<Snapshot | null>>
  /** Time when the shown list was last known to be current, by this device's clock, or null if unknown. */
  current: Readonly<Ref<number | null>>
  /** The items as they will be when all waiting changes have landed. */
  todos: ComputedRef<readonly Todo[]>
  /** The title as it will be when all waiting changes have landed, or empty. */
  title: ComputedRef<string>
  /** Whether the list was ever read from the server, in this visit or an earlier one. Until then `todos` has only items added here. */
  loaded: ComputedRef<boolean>
  /** Number of changes that the server has not confirmed. */
  waiting: ComputedRef<number>
  /** Whether the server accepted a change that `confirmed` does not contain yet. */
  landing: ComputedRef<boolean>
  /** Whether unconfirmed changes exist only in this tab. */
  unkept: ComputedRef<boolean>
  /** Changes that the server refused and that were rolled back, until their notice is dismissed. */
  refused: ComputedRef<readonly Entry[]>
  storageTrouble: Readonly<ShallowRef<StorageTrouble | null>>
  removal: ShallowRef<Removal | null>
  /** Number of times that the list seems to have been deleted while it was shown. Earlier changes cannot be undone. */
  erasures: Readonly<Ref<number>>
  /** Items that were deleted elsewhere, until they are restored or their notice is dismissed. */
  deletedElsewhere: ComputedRef<readonly Todo[]>
  /** Ids of items that were added or changed elsewhere in the last seconds. */
  changedElsewhere: Readonly<ShallowRef<ReadonlySet<string>>>

  /** Sets the list that the server sent, with the time at which it was current. */
  accept(snapshot: Snapshot, at?: number): void
  /** Notes that the shown list is current. */
  reaffirm(): void
  /** Dismisses the notice about items that were deleted elsewhere. */
  dismissDeleted(): void
  dismissStorageTrouble(): void
  /** Sets a list at an earlier revision, after the server's store was emptied or restored. */
  acceptEarlier(snapshot: Snapshot): void
}

/** Milliseconds for which a row stays marked as changed elsewhere. */
const tinted = 3_000

/**
 * The state of one list. The shown list is the last one that the server sent, with the waiting operations
 * applied to it: a change shows immediately, and a refused one is rolled back by
 * leaving it out. Ends with the scope it is called in.
 * @param announce announces a sentence about changes made elsewhere to screen readers
 */
export function useListState(list: string, database: Promise<Database>, announce: (sentence: string) => void): ListState {
  const confirmed = shallowRef<Snapshot | null>(null)
  const current = ref<number | null>(null)
  const entries = shallowRef<readonly Entry[]>([])
  const storageTrouble = shallowRef<StorageTrouble | null>(null)
  const removal = shallowRef<Removal | null>(null)
  const erasures = ref(0)
  const deleted = shallowRef<readonly Todo[]>([])
  const changedElsewhere = shallowRef<ReadonlySet<string>>(new Set())
  let tint: ReturnType<typeof setTimeout> | undefined

  const outbox = new Outbox(list, database, {
    changed: () => (entries.value = outbox.entries),
    stored: (snapshot) => {
      if (!confirmed.value || snapshot.revision > confirmed.value.revision) show(snapshot)
      if (snapshot.revision === confirmed.value?.revision) current.value = Math.max(current.value ?? 0, snapshot.at ?? 0) || null
    },
    troubled: (cause) => (storageTrouble.value = cause),
  })
  onScopeDispose(() => {
    clearTimeout(tint)
    outbox.close()
  })

  // Equal items stay the same objects, so that a list of thousands is not rendered again at each step.
  const todos = computed((before?: readonly Todo[]) => keepIdentity(before ?? [], applyOperations(confirmed.value?.todos ?? [], pending(entries.value, confirmed.value))))
  const waiting = computed(() => entries.value.filter((entry) => entry.state === 'waiting'))

  function show(snapshot: Snapshot) {
    const before = confirmed.value && todos.value
    confirmed.value = { ...snapshot }
    // Changes made here are in the list before they land, so a difference was made elsewhere.
    if (!before) return
    const news = differences(before, todos.value)
    if (news) announce(words.value.news.elsewhere(news))
    deleted.value = missing([...deleted.value, ...before])
    const known = new Map(before.map((todo) => [todo.id, todo]))
    const changed = todos.value.filter((todo) => known.get(todo.id)?.title !== todo.title || known.get(todo.id)?.completed !== todo.completed)
    if (changed.length === 0) return
    changedElsewhere.value = new Set(changed.map(({ id }) => id))
    clearTimeout(tint)
    tint = setTimeout(() => (changedElsewhere.value = new Set()), tinted)
  }

  function missing(items: readonly Todo[]): readonly Todo[] {
    const present = new Set(todos.value.map(({ id }) => id))
    return items.filter(({ id }) => !present.has(id))
  }

  return {
    outbox,
    confirmed,
    current,
    todos,
    title: computed(() => titleAfter(confirmed.value?.title ?? '', pending(entries.value, confirmed.value))),
    loaded: computed(() => confirmed.value !== null),
    waiting: computed(() => waiting.value.length),
    landing: computed(() => entries.value.some((entry) => entry.state === 'landed')),
    unkept: computed(() => waiting.value.some((entry) => !entry.kept)),
    refused: computed(() => entries.value.filter((entry) => entry.state === 'refused')),
    storageTrouble,
    removal,
    erasures,
    deletedElsewhere: computed(() => missing(deleted.value)),
    changedElsewhere,

    dismissDeleted: () => (deleted.value = []),
    dismissStorageTrouble: () => (storageTrouble.value = null),

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
      deleted.value = []
      const gone = missing(before)
      // A private list is deleted when it moves to a new key, and may then be written again by people who do not know.
      const erased = isPrivate(list) || isOldPrivate(list)
      if (erased) {
        erasures.value++
        removal.value = gone.length > 0 ? { todos: gone, text: words.value.list.erased, erased } : null
      } else if (gone.length > 0) {
        removal.value = { todos: gone, text: words.value.list.wentBack(gone.length) }
      }
    },
  }
}

function* pending(entries: readonly Entry[], confirmed: Snapshot | null): Iterable<Operation> {
  for (const { state, revision = 0, operation } of entries) {
    if (state === 'waiting' || (state === 'landed' && revision > (confirmed?.revision ?? -1))) yield operation
  }
}
