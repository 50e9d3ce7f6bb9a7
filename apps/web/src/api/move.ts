import { maxBatch } from './batch'
import type { ListClient, Loaded } from './client'
import { undecided } from './decode'
import { Trouble } from './trouble'
import { randomId } from '@/todos/randomId'
import type { Operation } from '@/todos/todo'

/** Maximum copies of changes that others make during the move. */
const attempts = 5

/**
 * Returns a function that moves a list to a new one: it copies the list, and deletes it if it has not changed since the copy was
 * complete. After a failure, which it throws as Trouble, the list is in the old place or in both, and the function can be called again.
 * @param copied called before the list is deleted
 */
export function moving(from: ListClient, to: ListClient, copied: () => Promise<void>): () => Promise<void> {
  let last = 0 // the revision that was copied
  return async () => {
    for (let attempt = 0; attempt < attempts; attempt++) {
      const source = await stored(from)
      // The list was never written, or an earlier call deleted it and its response was lost: keep the copy.
      if (source.revision < last || (source.revision === 0 && source.todos.length === 0)) return
      last = source.revision
      await copy(source, to)
      await copied()
      try {
        await from.erase(source.tag)
        return
      } catch (cause) {
        if (!(cause instanceof Trouble) || cause.status !== 412) throw cause
      }
    }
    throw new Trouble('busy', 'Others change the list all the time.')
  }
}

/** Reads the list from the store, never from the server's memory. */
async function stored(client: ListClient): Promise<Loaded> {
  const loaded = await client.load()
  if (loaded.age !== null) throw new Trouble('busy', 'The server cannot reach its store.')
  return loaded
}

async function copy(source: Loaded, to: ListClient): Promise<void> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const target = await stored(to)
    if (target.title !== source.title) await to.setTitle(source.title)
    const operations = toBecome(source, target)
    if (operations.length === 0) return
    for (const batch of batches(operations)) {
      const refused = (await to.send(batch)).find((result) => result.status >= 300 && !undecided(result))
      if (refused) throw new Trouble('refused', refused.problem?.detail || refused.problem?.title || '', { status: refused.status })
    }
  }
  throw new Trouble('busy', 'The copy is not complete.')
}

/** Returns the operations that make a list equal to another. */
function toBecome(source: Loaded, target: Loaded): Operation[] {
  const present = new Map(target.todos.map((todo) => [todo.id, todo]))
  const operations: Operation[] = []
  for (const { id, title, completed, order } of source.todos) {
    const before = present.get(id)
    present.delete(id)
    if (!before) operations.push({ id: randomId(), type: 'create', todo: { id, title, completed, order } })
    else if (before.title !== title || before.completed !== completed || before.order !== order) operations.push({ id: randomId(), type: 'update', todoId: id, change: { title, completed, order } })
  }
  for (const todoId of present.keys()) operations.push({ id: randomId(), type: 'delete', todoId })
  return operations
}

/** Splits operations into requests. */
function* batches(operations: readonly Operation[]): Iterable<Operation[]> {
  let batch: Operation[] = []
  let bytes = 0
  for (const operation of operations) {
    const length = new TextEncoder().encode(JSON.stringify(operation)).length + 1
    if (batch.length >= maxBatch.operations || (batch.length > 0 && bytes + length > maxBatch.bytes)) {
      yield batch
      batch = []
      bytes = 0
    }
    batch.push(operation)
    bytes += length
  }
  if (batch.length > 0) yield batch
}
