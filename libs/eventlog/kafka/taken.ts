import type { OutboxRow } from './outbox.ts'

const most = 50_000

/**
 * What a relay has taken, as far back as there is room: the events themselves, and the newest version of each key. An event
 * that is not known to follow the newest taken one of its key is found by looking into the outbox, where those before it are
 * found first. What is let go of unpublished is removed here too, so that an event which is known and no longer in hand is published.
 */
export class Taken {
  readonly #ids = new Set<string>()
  readonly #newest = new Map<string, number>()

  has({ id }: OutboxRow): boolean {
    return this.#ids.has(id)
  }

  /** Whether the event is the first of its key, or comes right after the newest one taken. */
  isNext({ key, version }: OutboxRow): boolean {
    const newest = this.#newest.get(key)
    return newest === undefined ? version === 1 : version === newest + 1
  }

  add({ id, key, version }: OutboxRow): void {
    this.#ids.add(id)
    this.#newest.delete(key)
    this.#newest.set(key, version)
    forgetOldest(this.#ids)
    forgetOldest(this.#newest)
  }

  remove({ id, key }: OutboxRow): void {
    this.#ids.delete(id)
    this.#newest.delete(key)
  }

  clear(): void {
    this.#ids.clear()
    this.#newest.clear()
  }
}

function forgetOldest(kept: Set<string> | Map<string, number>): void {
  if (kept.size <= most) return
  const [oldest] = kept.keys()
  if (oldest !== undefined) kept.delete(oldest)
}
