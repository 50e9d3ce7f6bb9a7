interface Waiting {
  readonly task: () => unknown
  readonly resolve: (value: unknown) => void
  readonly reject: (cause: unknown) => void
}

/** Exclusive Web Locks within one process, with `steal`, `signal` and `query`, for tests. */
export class MemoryLocks {
  readonly #held = new Map<string, Waiting>()
  readonly #pending = new Map<string, Waiting[]>()

  request(name: string, ...rest: [() => unknown] | [LockOptions, () => unknown]): Promise<unknown> {
    const [options, task] = rest.length === 1 ? [{}, rest[0]] : rest
    return new Promise((resolve, reject) => {
      const one = { task, resolve, reject }
      const held = this.#held.get(name)
      if (options.steal && held) {
        this.#held.delete(name)
        held.reject(new DOMException('Stolen', 'AbortError'))
      }
      const queue = this.#pending.get(name) ?? []
      this.#pending.set(name, queue)
      if (options.steal) queue.unshift(one)
      else queue.push(one)
      options.signal?.addEventListener('abort', () => {
        const index = queue.indexOf(one)
        if (index < 0) return
        queue.splice(index, 1)
        reject(new DOMException('Aborted', 'AbortError'))
      })
      this.#next(name)
    })
  }

  query(): Promise<LockManagerSnapshot> {
    return Promise.resolve({ held: [...this.#held.keys()].map((name) => ({ name })), pending: [] })
  }

  /** Number of waiting requests. */
  get waiting(): number {
    return [...this.#pending.values()].reduce((sum, queue) => sum + queue.length, 0)
  }

  #next(name: string) {
    if (this.#held.has(name)) return
    const one = this.#pending.get(name)?.shift()
    if (!one) return
    this.#held.set(name, one)
    void Promise.resolve().then(one.task).then(one.resolve, one.reject).finally(() => {
      if (this.#held.get(name) !== one) return
      this.#held.delete(name)
      this.#next(name)
    })
  }
}
