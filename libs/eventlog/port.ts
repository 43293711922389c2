import type { AnyEvent, EventPattern } from '#libs/events/index'
import type { Appending, Database, Transaction } from '#libs/postgres/index'

/** The event log: accepted facts, appended with the state they tell of, followed at each follower's own pace. */
export interface EventLog {
  /**
   * Appends within the caller's transaction: the events exist exactly when it commits, in the order given.
   * For one key, order of appending is order of following, provided that the caller holds the row lock of the
   * key's subject (or creates it) before it appends. A failure to write fails the commit.
   */
  append(transaction: Appending, events: readonly AnyEvent[]): void
  /** Starts following at once; from the beginning of what is kept when the group is new. */
  follow(subscription: Subscription): Follower
}

export interface Subscription {
  /** Names the consumer group; its place is kept under this name. Instances of one group share the work. */
  readonly group: string
  readonly patterns: readonly EventPattern[]
  /** Where the follower keeps its state: place, dead letters and effects commit together. */
  readonly database: Database
  /** The follower's own schema, with the tables of `FollowerTables`. */
  readonly schema: string
  /**
   * The follower's last fraction of a second may be lost with the database server, and is then applied again: effects and
   * place go together, and the log itself is durable. For state that nobody decides by.
   */
  readonly relaxed?: boolean
  /**
   * `caughtUpAt` is wanted, and what another member of the group holds up is applied by this one. Over Kafka this asks once a
   * second how far the topics reach; `handle` may then be called for a batch while another one is being applied.
   */
  readonly watched?: boolean
  /** At most so many events reach the handler at a time; 500 unless told. */
  readonly batchSize?: number
  /**
   * Applies a batch within `batch.transaction`, all or nothing. Events of one key come in order. An event that fails
   * by itself, twice, becomes a dead letter and the rest flows on; a lost database is waited for.
   */
  handle(events: readonly AnyEvent[], batch: EventBatch): Promise<void>
  readonly observe?: FollowerObserver
}

export interface EventBatch {
  readonly transaction: Transaction
}

/** What is known of an event before its content has been checked. */
export interface TracedEvent {
  readonly id: string
  readonly name: string
  readonly traceparent: string | null | undefined
}

export interface FollowerObserver {
  applied?(events: readonly AnyEvent[], took: { milliseconds: number }): void
  buried?(letter: { id: string; name: string; reason: string }): void
  /** Following failed as a whole, or what members of a group tell each other did, and is tried again after a pause. */
  stalled?(error: unknown, retryInMilliseconds: number): void
  /** Wraps one batch from the start of its transaction to its commit, to trace it. */
  around?<T>(events: readonly TracedEvent[], work: () => Promise<T>): Promise<T>
}

export type FollowerState = 'following' | 'stalled' | 'stopped'

export interface Follower {
  readonly group: string
  readonly state: FollowerState
  /**
   * Everything committed before this instant, by a source that is awaited (`topics` in `libs/events`), has been applied or buried; grows also
   * while nothing happens. Undefined until first known.
   */
  followedUpTo(): Date | undefined
  /**
   * The latest instant of which it is known that everything the log could then be asked for has been applied or buried, by this
   * process or another of the group. Grows about once a second while the log can be reached, also while nothing happens, and
   * whether publishers are alive or not. By this process's clock; undefined until first known, and over Kafka, of a follower that is not `watched`, always.
   */
  caughtUpAt(): Date | undefined
  /**
   * Since when the end of the log has been looked at without interruption, by this process's clock; undefined while it cannot be, and
   * for a log that nothing can be on its way to: there `caughtUpAt` says all.
   */
  unbrokenSince(): Date | undefined
  deadLetters(limit: number): Promise<DeadLetter[]>
  /** Applies buried events again, oldest first, each in its own transaction; the ids of those that stayed dead are returned. */
  replay(ids?: readonly string[]): Promise<{ applied: string[]; stillDead: string[] }>
  /** Waits for the batch in hand, then stops. */
  stop(): Promise<void>
}

export interface DeadLetter {
  readonly id: string
  readonly name: string
  readonly key: string
  readonly reason: string
  readonly buriedAt: Date
}
