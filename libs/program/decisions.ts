import { AppendQueue, type EventLog } from '#libs/eventlog/index'
import type { Database } from '#libs/postgres/index'
import { type Logger, metrics, type Telemetry } from '#libs/telemetry/index'
import { endsWithin } from '#libs/timing/index'

export interface DecisionsOptions {
  readonly capacity: number
  readonly onFailure: (error: unknown) => void
  readonly telemetry: Telemetry
  readonly logger: Logger
}

/** Decisions still unwritten are waited for so many milliseconds when the program ends; the database may be away. */
const drainMilliseconds = 5_000

/** Records of reads and refusals on their way into the log, of the services that decide. */
export class Decisions {
  readonly #options: DecisionsOptions
  readonly #queues: AppendQueue[] = []

  constructor(options: DecisionsOptions) {
    this.#options = options
    const length = (): number => this.#queues.reduce((sum, queue) => sum + queue.length, 0)
    options.telemetry.metrics.gauge(metrics.decisionsQueued, length)
  }

  /** A service's queue, which is written through its own database. */
  queue(log: EventLog, database: Database): AppendQueue {
    const { capacity, onFailure } = this.#options
    const queue = new AppendQueue({ log, database, capacity, onFailure })
    this.#queues.push(queue)
    return queue
  }

  /** Writes what is queued; what the database does not take in time is counted, and said to be lost. */
  async end(): Promise<void> {
    await endsWithin(drainMilliseconds, Promise.all(this.#queues.map((queue) => queue.drained())))
    const lost = this.#queues.reduce((sum, queue) => sum + queue.abandon(), 0)
    if (lost === 0) return
    this.#options.telemetry.metrics.counter(metrics.auditDropped).add(lost)
    this.#options.logger.error(
      { lost },
      'records of reads and refusals are lost: the database did not take them in time',
    )
  }
}
