import { computed, ref, shallowRef, type ComputedRef, type Ref } from 'vue'
import { cleanTitle, titleProblem, type Todo } from '@/todos/todo'

/** What another person changed in the edited item. */
export type Meanwhile = { readonly what: 'deleted' } | { readonly what: 'changed'; readonly title: string }

export interface Editing {
  /** The item as it was when editing began, or null if no item is edited. */
  item: Readonly<Ref<Todo | null>>
  draft: Ref<string>
  /** Why the draft cannot be saved, in a sentence. */
  problem: Ref<string | null>
  meanwhile: ComputedRef<Meanwhile | null>
  start(todo: Todo): void
  /** Saves the draft, and overwrites another person's change; a blank draft deletes the item. Returns false if it cannot be saved. */
  commit(): boolean
  /** Saves the draft like `commit`, unless that would overwrite another person's change: then the person must decide. */
  leave(): void
  /** Discards the draft. */
  cancel(): void
}

export interface EditingActions {
  change(id: string, change: { title: string }): void
  remove(id: string): void
  create(todos: readonly Todo[]): void
}

/** The editing of one item's title. The draft is not in the list until it is saved. */
export function useEditing(todos: Readonly<Ref<readonly Todo[]>>, actions: EditingActions): Editing {
  const item = shallowRef<Todo | null>(null)
  const draft = ref('')
  const problem = ref<string | null>(null)

  const meanwhile = computed((): Meanwhile | null => {
    const started = item.value
    if (!started) return null
    const current = todos.value.find((todo) => todo.id === started.id)
    if (!current) return { what: 'deleted' }
    return current.title === started.title ? null : { what: 'changed', title: current.title }
  })

  function cancel() {
    item.value = null
    problem.value = null
  }

  function commit(): boolean {
    const started = item.value
    if (!started) return true
    const title = cleanTitle(draft.value)
    const untouched = title === cleanTitle(started.title)
    problem.value = untouched ? null : titleProblem(title)
    if (problem.value !== null) return false

    const conflict = meanwhile.value
    cancel() // before the change, because removing the field blurs it, which would save again
    if (untouched) return true
    if (conflict?.what === 'deleted') {
      if (title !== '') actions.create([{ ...started, title }])
    } else if (title === '') {
      actions.remove(started.id)
    } else if (title !== conflict?.title) {
      actions.change(started.id, { title })
    }
    return true
  }

  return {
    item,
    draft,
    problem,
    meanwhile,
    commit,
    cancel,
    start(todo) {
      if (item.value && !commit()) return
      item.value = todo
      draft.value = cleanTitle(todo.title) // a field has one line
    },
    leave() {
      const touched = item.value && cleanTitle(draft.value) !== cleanTitle(item.value.title)
      if (!(touched && meanwhile.value)) commit()
    },
  }
}
