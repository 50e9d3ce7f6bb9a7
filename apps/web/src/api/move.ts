import { maxBatch } from './batch'
import type { ListClient, Loaded } from './client'
import { undecided } from './decode'
import { Trouble } from './trouble'
import { randomId } from '@/todos/randomId'
import type { Operation } from '@/todos/todo'

/** How often what others change meanwhile is copied again before the move is given up. */
const attempts = 5

/**
 * Gives a function that moves all of a list to a new one: it copies it, and erases it when the copy is complete and nobody has changed
 * it since. After a failure it can be called again; the list is then where it was, or in both places. It throws Trouble.
 * @param copied is called before the list is erased
 */
export function moving(from: ListClient, to: ListClient, copied: () => Promise<void>): () => Promise<void> {
  let last = 0 // the revision that was copied
  return async () => {
    for (let attempt = 0; attempt < attempts; attempt++) {
      const source = await stored(from)
      // Never written, or erased by an earlier call whose answer was lost: the copy must not be made equal to that.
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

/** The list as the store has it, never from the server's memory. */
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

/** The operations that make a list equal to another. */
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

/** Cuts operations into as many as one request carries. */
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
