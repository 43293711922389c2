import type { OutboxRow } from './outbox.ts'

const mostKeys = 50_000

/**
 * The newest version of each key that a relay has taken, as long as there is room. An event that is not known to follow
 * the newest taken one of its key is found by looking into the outbox, where those before it are found first.
 */
export class Taken {
  readonly #versions = new Map<string, number>()

  has({ key, version }: OutboxRow): boolean {
    return (this.#versions.get(key) ?? 0) >= version
  }

  /** Whether the event is the first of its key, or comes right after the newest one taken. */
  isNext({ key, version }: OutboxRow): boolean {
    const newest = this.#versions.get(key)
    return newest === undefined ? version === 1 : version === newest + 1
  }

  add({ key, version }: OutboxRow): void {
    this.#versions.delete(key)
    this.#versions.set(key, version)
    if (this.#versions.size <= mostKeys) return
    const [oldest] = this.#versions.keys()
    if (oldest !== undefined) this.#versions.delete(oldest)
  }

  remove({ key }: OutboxRow): void {
    this.#versions.delete(key)
  }

  clear(): void {
    this.#versions.clear()
  }
}
