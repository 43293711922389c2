import { type Appending, Database, migrate } from '#libs/postgres/index'
import type { AnyEvent } from '#libs/events/index'
import { every } from '#libs/timing/index'
import type { EventLog, Follower, Subscription } from '../port.ts'
import { appendEvents } from './append.ts'
import { PostgresFollower } from './follower.ts'
import { migrations } from './migrations.ts'
import { maintainEventPartitions } from './partitions.ts'

const hour = 60 * 60 * 1000

/**
 * The log's statements have one right plan each, by index, whatever the statistics say of a table whose newest rows are
 * the only ones of interest; planning them anew for each poll over a month of partitions would cost more than running them.
 */
const planning = { plan_cache_mode: 'force_generic_plan', enable_seqscan: 'off', enable_bitmapscan: 'off', jit: 'off' }

export interface PostgresEventLogOptions {
  /** The database that the publishing services write to: appending happens inside their transactions. */
  readonly url: string
  /** Milliseconds for which events are kept; whole days are dropped. */
  readonly retention: number
  readonly clock: () => Date
  /** Milliseconds between looks for events appended by other processes; 250 unless told. */
  readonly pollEvery?: number
  readonly onFailure: (error: unknown) => void
  /** Told of what has been appended, once it is durable. */
  readonly onAppended?: (events: readonly AnyEvent[]) => void
}

export interface PostgresEventLog extends EventLog {
  /** Stops its followers, each after the batch in hand. */
  close(): Promise<void>
}

/** The event log as one table of the Postgres that the services share: for one machine without Kafka. */
export async function openPostgresEventLog(options: PostgresEventLogOptions): Promise<PostgresEventLog> {
  const database = new Database({
    url: options.url,
    applicationName: 'latchkey event log',
    connections: 4,
    settings: planning,
    onIdleFailure: options.onFailure,
  })
  await migrate(database, { schema: 'event_log', migrations })
  await maintainEventPartitions(database, options.retention, options.clock())
  const upkeep = every(
    hour,
    () => maintainEventPartitions(database, options.retention, options.clock()),
    options.onFailure,
  )
  const followers = new Set<PostgresFollower>()
  return {
    append(transaction: Appending, events: readonly AnyEvent[]): void {
      appendEvents(transaction, events)
      transaction.afterCommit(() => {
        for (const follower of followers) follower.wake(events)
        options.onAppended?.(events)
      })
    },
    follow(subscription: Subscription): Follower {
      const follower = new PostgresFollower(database, subscription, options.pollEvery ?? 250)
      followers.add(follower)
      return follower
    },
    async close(): Promise<void> {
      await upkeep.end()
      await Promise.all([...followers].map((follower) => follower.stop()))
      await database.close()
    },
  }
}
