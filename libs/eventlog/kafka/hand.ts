import type { OutboxRow } from './outbox.ts'
import type { ProducedRecord } from './records.ts'
import { Taken } from './taken.ts'
import type { Tenure } from './tenures.ts'

export type Waiting =
  | { readonly row: OutboxRow; readonly tenure: Tenure }
  | { readonly mark: ProducedRecord; readonly tenures: readonly Tenure[] }

/** Held in memory at the most; more waits in the outbox alone, from where it comes by the page when there is room. */
const most = { events: 4_000, bytes: 16 * 2 ** 20 }
/** Together below the megabyte that a topic takes unless told otherwise: all of it may be of one partition. */
const largestBatch = { records: 1_000, bytes: 900_000 }
/** Of a record beside its payload, at the most. */
const envelopeBytes = 800

/**
 * What a relay has in hand: events that wait to be published and marks between them, in one queue, and those that are published
 * and not yet removed from the outbox.
 */
export class Hand {
  readonly #taken = new Taken()
  #queue: Waiting[] = []
  readonly #held = new Map<number, { readonly shard: number; readonly bytes: number; readonly published: boolean }>()
  #bytes = 0
  #batchBytes = largestBatch.bytes

  /** How much waits to be published. */
  get waiting(): number {
    return this.#queue.length
  }

  get isEmpty(): boolean {
    return this.#held.size === 0
  }

  get hasRoom(): boolean {
    return this.#held.size < most.events && this.#bytes < most.bytes
  }

  /** Shards of which something is in hand. */
  get shards(): ReadonlySet<number> {
    return new Set([...this.#held.values()].map(({ shard }) => shard))
  }

  /** Takes the event, unless one before it of its key may be missing, or there is no room. */
  takeNext(tenure: Tenure, row: OutboxRow): 'taken' | 'taken before' | 'not yet' {
    if (this.#taken.has(row)) return 'taken before'
    if (!this.hasRoom || !this.#taken.isNext(row)) return 'not yet'
    this.#take(tenure, row)
    return 'taken'
  }

  /**
   * Takes an event that was found in the outbox, all before it of its key having been found too. One that is no longer held and
   * was taken before is published, and its removal was lost.
   */
  takeFound(tenure: Tenure, row: OutboxRow): 'taken' | 'in hand' | 'published' {
    if (this.#held.has(row.position)) return 'in hand'
    if (this.#taken.has(row)) return 'published'
    this.#take(tenure, row)
    return 'taken'
  }

  /** A mark of these tenures is published while all of them last. */
  mark(tenures: readonly Tenure[], mark: ProducedRecord): void {
    this.#queue.push({ tenures, mark })
  }

  /** The next records, as many as may be sent at once. */
  nextBatch(): Waiting[] {
    let count = 0
    let bytes = 0
    for (const waiting of this.#queue) {
      bytes += 'row' in waiting ? sizeOf(waiting.row) : envelopeBytes
      if (count > 0 && (count >= largestBatch.records || bytes > this.#batchBytes)) break
      count++
    }
    return this.#queue.splice(0, count)
  }

  /** For topics that take less at a time than others do. */
  halveBatches(): void {
    this.#batchBytes = Math.max(1, Math.floor(this.#batchBytes / 2))
  }

  get isFullBatch(): boolean {
    return this.#queue.length >= largestBatch.records
  }

  published(row: OutboxRow): void {
    this.#hold(row, true)
  }

  removed(positions: readonly number[]): void {
    for (const position of positions) this.#letGo(position)
  }

  /** What waits of this tenure is read from the outbox again, by whoever holds the shard then. */
  drop(tenure: Tenure): void {
    this.#queue = this.#queue.filter((waiting) => {
      if ('mark' in waiting) return !waiting.tenures.includes(tenure)
      if (waiting.tenure !== tenure) return true
      this.#letGo(waiting.row.position)
      this.#taken.remove(waiting.row)
      return false
    })
  }

  /** All that is not surely published is read from the outbox again. */
  startAnew(): void {
    this.#queue = []
    for (const [position, { published }] of this.#held) if (!published) this.#letGo(position)
    this.#taken.clear()
  }

  #take(tenure: Tenure, row: OutboxRow): void {
    this.#taken.add(row)
    this.#hold(row, false)
    this.#queue.push({ tenure, row })
  }

  #hold(row: OutboxRow, published: boolean): void {
    this.#letGo(row.position)
    const bytes = sizeOf(row)
    this.#held.set(row.position, { shard: row.shard, bytes, published })
    this.#bytes += bytes
  }

  #letGo(position: number): void {
    this.#bytes -= this.#held.get(position)?.bytes ?? 0
    this.#held.delete(position)
  }
}

function sizeOf({ payload }: OutboxRow): number {
  return Buffer.byteLength(payload) + envelopeBytes
}
