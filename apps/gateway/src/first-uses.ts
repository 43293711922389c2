import { LRUCache } from 'lru-cache'
import type { AppendQueue } from '#libs/eventlog/index'
import { type AnyEvent, isLetIn } from '#libs/events/index'
import { endsWithin } from '#libs/timing/index'
import type { KnownKey } from './principal.ts'

/** Milliseconds that an answer waits, while the database is slow or away. */
const patience = 2_000

/**
 * The first use of a key at this gateway is stored before it is answered. Rotations go by it: else the next key could be cancelled, or the old one end under
 * `strict`, as if the next had never been used, because this process was killed right after the answer.
 */
export class FirstUses {
  readonly #decisions: Pick<AppendQueue, 'appended'>
  /** Keys of which one use is stored. */
  readonly #stored = new LRUCache<string, true>({ max: 50_000 })

  constructor(decisions: Pick<AppendQueue, 'appended'>) {
    this.#decisions = decisions
  }

  /** Whether a use of the key may be its first. */
  mayBeFirst({ kid, state }: KnownKey): boolean {
    return state === 'pending' && !this.#stored.has(kid)
  }

  /** To be waited for before the request is answered that this record, which was offered, tells of. Never rejects. */
  async stored(key: KnownKey, record: AnyEvent): Promise<void> {
    if (!this.mayBeFirst(key)) return
    if (record.name !== 'request.decided' || !isLetIn(record.payload)) return
    if (await endsWithin(patience, this.#decisions.appended(record))) this.#stored.set(key.kid, true)
  }
}
