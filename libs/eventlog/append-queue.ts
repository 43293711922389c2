import type { AnyEvent } from '#libs/events/index'
import { type Database, type Doubt, isConnectionLoss } from '#libs/postgres/index'
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
 * Events taken are appended in order, in batches; while the database is away they wait, and those that depend on a doubt
 * wait until it is settled.
 */
export class AppendQueue {
  readonly #options: AppendQueueOptions
  #held: AnyEvent[] = []
  readonly #doubtful = new Set<AnyEvent>()
  readonly #promised = new Set<Promise<AnyEvent>>()
  readonly #settling = new Set<Promise<void>>()
  readonly #awaited = new Map<AnyEvent, PromiseWithResolvers<void>>()
  #abandoned = false
  #working: Promise<void> | undefined

  constructor(options: AppendQueueOptions) {
    this.#options = options
  }

  get length(): number {
    return this.#held.length + this.#doubtful.size + this.#promised.size
  }

  get isFull(): boolean {
    return this.#abandoned || this.length >= this.#options.capacity
  }

  /** False when full: the event was not taken. One that is given with a doubt is appended only if that was not committed. */
  offer(event: AnyEvent, doubt?: Doubt): boolean {
    if (this.isFull) return false
    if (doubt === undefined) this.#hold(event)
    else this.#holdBack(event, doubt)
    return true
  }

  /** For an event that is not known yet, and must not reject: its place is taken now. False when full. */
  offerLater(event: Promise<AnyEvent>): boolean {
    if (this.isFull) return false
    this.#promised.add(event)
    const settling = event.then((known) => {
      this.#settling.delete(settling)
      if (this.#promised.delete(event)) this.#hold(known)
    })
    this.#settling.add(settling)
    return true
  }

  /** Resolves when this event, which was offered without a doubt, is appended; never where it was not taken, or was given up. */
  appended(event: AnyEvent): Promise<void> {
    const waiting = this.#awaited.get(event) ?? Promise.withResolvers<void>()
    if (this.#held.includes(event)) this.#awaited.set(event, waiting)
    return waiting.promise
  }

  /** Resolves when all that was taken is appended or found to be superfluous. Waits as long as the database is away. */
  async drained(): Promise<void> {
    while (this.#working !== undefined || this.#settling.size > 0) await Promise.all([this.#working, ...this.#settling])
  }

  /**
   * Gives up what is not yet appended, takes nothing more, and answers how many events that were. A batch under way may
   * still arrive: those told of as lost are never too few.
   */
  abandon(): number {
    const lost = this.length
    this.#held = []
    this.#doubtful.clear()
    this.#promised.clear()
    this.#awaited.clear()
    this.#abandoned = true
    return lost
  }

  #hold(event: AnyEvent): void {
    this.#held.push(event)
    this.#working ??= this.#work()
  }

  #holdBack(event: AnyEvent, doubt: Doubt): void {
    this.#doubtful.add(event)
    const settling = doubt.committed().then((committed) => {
      this.#settling.delete(settling)
      if (this.#doubtful.delete(event) && !committed) this.#hold(event)
    })
    this.#settling.add(settling)
  }

  async #work(): Promise<void> {
    await gather()
    let failures = 0
    while (this.#held.length > 0) {
      const batch = this.#held.slice(0, largestBatch)
      try {
        await this.#options.database.transaction(async (transaction) => this.#options.log.append(transaction, batch))
        this.#held = this.#held.slice(batch.length)
        this.#tell(batch)
        failures = 0
        await gather()
      } catch (error) {
        if (failures === 0 || !isConnectionLoss(error)) this.#options.onFailure(error)
        await new Promise((resolve) => setTimeout(resolve, Math.min(2_000, 50 * 2 ** failures++)))
      }
    }
    this.#working = undefined
  }

  #tell(appended: readonly AnyEvent[]): void {
    if (this.#awaited.size === 0) return
    for (const event of appended) {
      this.#awaited.get(event)?.resolve()
      this.#awaited.delete(event)
    }
  }
}

/** Nobody waits for these events: a few milliseconds make one transaction of what many requests leave behind. */
function gather(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 5))
}
