import type { AnyEvent } from '#libs/events/index'
import { type Database, isConnectionLoss } from '#libs/postgres/index'
import type { EventLog } from './port.ts'

export interface AppendQueueOptions {
  readonly log: EventLog
  /** The publishing service's database. */
  readonly database: Database
  /** Events held in memory at the most. */
  readonly capacity: number
  readonly onFailure: (error: unknown) => void
}

const largestBatch = 500

/**
 * A bounded queue for events that accompany no change of state: what became of reads and of refused requests.
 * It drops none by itself: what cannot be held is not taken, and the caller answers 503 instead of what it had decided.
 * Events taken are appended in order, in batches; while the database is away they wait.
 */
export class AppendQueue {
  readonly #options: AppendQueueOptions
  #held: AnyEvent[] = []
  #abandoned = false
  #working: Promise<void> | undefined

  constructor(options: AppendQueueOptions) {
    this.#options = options
  }

  get length(): number {
    return this.#held.length
  }

  get isFull(): boolean {
    return this.#abandoned || this.#held.length >= this.#options.capacity
  }

  /** False when full: the event was not taken. */
  offer(event: AnyEvent): boolean {
    if (this.isFull) return false
    this.#held.push(event)
    this.#working ??= this.#work()
    return true
  }

  /** Resolves when all that was taken is appended. Waits as long as the database is away. */
  async drained(): Promise<void> {
    while (this.#working !== undefined) await this.#working
  }

  /**
   * Gives up what is not yet appended, takes nothing more, and answers how many events that were. A batch under way may
   * still arrive: those told of as lost are never too few.
   */
  abandon(): number {
    const lost = this.#held.length
    this.#held = []
    this.#abandoned = true
    return lost
  }

  async #work(): Promise<void> {
    await gather()
    let failures = 0
    while (this.#held.length > 0) {
      const batch = this.#held.slice(0, largestBatch)
      try {
        await this.#options.database.transaction(async (transaction) => this.#options.log.append(transaction, batch))
        this.#held = this.#held.slice(batch.length)
        failures = 0
        await gather()
      } catch (error) {
        if (failures === 0 || !isConnectionLoss(error)) this.#options.onFailure(error)
        await new Promise((resolve) => setTimeout(resolve, Math.min(2_000, 50 * 2 ** failures++)))
      }
    }
    this.#working = undefined
  }
}

/** Nobody waits for these events: a few milliseconds make one transaction of what many requests leave behind. */
function gather(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 5))
}
