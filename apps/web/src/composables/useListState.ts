import { computed, onScopeDispose, ref, shallowRef, type ComputedRef, type Ref, type ShallowRef } from 'vue'
import type { Database, StorageTrouble } from '@/outbox/database'
import { Outbox, type Entry } from '@/outbox/outbox'
import { differences } from '@/todos/differences'
import { isOldPrivate, isPrivate } from '@/todos/listKey'
import { applyOperations, keepIdentity, titleAfter } from '@/todos/operations'
import { words } from '@/words'
import type { Operation, Snapshot, Todo } from '@/todos/todo'

/** Items that were deleted and can be brought back. */
export interface Removal {
  readonly todos: readonly Todo[]
  readonly text: string
  /** The list itself may have been erased: its items are elsewhere then, and must not be put back here. */
  readonly erased?: boolean
  /** The removal in the notice before this one. */
  readonly before?: Removal | null
}

export interface ListState {
  readonly outbox: Outbox
  /** The list as the server last told it, or null before that. */
  confirmed: Readonly<ShallowRef<Snapshot | null>>
  /** When what is shown was last known to be current, by this device's clock; null when that is unknown. */
  current: Readonly<Ref<number | null>>
  /** The list as it will be when everything that waits has landed. */
  todos: ComputedRef<readonly Todo[]>
  /** What the list will be called when everything that waits has landed, or empty. */
  title: ComputedRef<string>
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
  storageTrouble: Readonly<ShallowRef<StorageTrouble | null>>
  removal: ShallowRef<Removal | null>
  /** How often the list seems to have been erased while it was shown. What was done before cannot be undone. */
  erasures: Readonly<Ref<number>>
  /** Items that were deleted elsewhere and are still missing, until they are brought back or the notice about them is dismissed. */
  deletedElsewhere: ComputedRef<readonly Todo[]>
  /** Ids of items that were added or changed elsewhere in the last seconds. */
  changedElsewhere: Readonly<ShallowRef<ReadonlySet<string>>>

  /** Takes a list that the server told, and when it was that. */
  accept(snapshot: Snapshot, at?: number): void
  /** The server still has the list that is shown. */
  reaffirm(): void
  /** The person has seen which items were deleted elsewhere. */
  dismissDeleted(): void
  dismissStorageTrouble(): void
  /** Takes a list at an earlier revision: the server's store was emptied or restored. */
  acceptEarlier(snapshot: Snapshot): void
}

/** How many milliseconds a row stays marked that was changed elsewhere. */
const tinted = 3_000

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

  // Items that look as before are the same objects, so that a list of thousands is not drawn anew at each step.
  const todos = computed((before?: readonly Todo[]) => keepIdentity(before ?? [], applyOperations(confirmed.value?.todos ?? [], pending(entries.value, confirmed.value))))
  const waiting = computed(() => entries.value.filter((entry) => entry.state === 'waiting'))

  function show(snapshot: Snapshot) {
    const before = confirmed.value && todos.value
    confirmed.value = { ...snapshot }
    // One's own changes are in the list already when they land, so what differs now was done elsewhere.
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
      // A private list is erased when it moves to a new key, and may have been written again since by those who do not know.
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
