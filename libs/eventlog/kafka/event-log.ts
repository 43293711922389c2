import { type AnyEvent, type EventName, type EventSource, readEvent } from '#libs/events/index'
import type { Appending, Database } from '#libs/postgres/index'
import type { EventLog, Follower, Subscription } from '../port.ts'
import { type KafkaAddress, KafkaClient, type TopicOptions } from './client.ts'
import { KafkaFollower } from './follower.ts'
import { Outbox } from './outbox.ts'
import type { Topics } from './records.ts'
import { Relay, type RelayObserver } from './relay.ts'

export interface KafkaEventLogOptions {
  readonly kafka: KafkaAddress
  readonly topics: TopicOptions
  /** Where this program's events wait to be published, in the tables of `OutboxTables`; absent where nothing is appended. */
  readonly outbox?: { readonly database: Database; readonly schema: string; readonly source: EventSource }
  /** Told of what failed and is tried again. */
  readonly onFailure: (error: unknown) => void
  /** Kafka answers, or does no longer. Told when it changes. */
  readonly onBroker?: (state: BrokerState) => void
  /** An event is larger than its topic takes. It and those of its key stay in the outbox, and are tried again after a while. */
  readonly onRefused?: RelayObserver['refused']
  /** Milliseconds of that while: a minute unless told. */
  readonly refusedAgainAfter?: number
  /** Told of what has been appended, once it is durable. */
  readonly onAppended?: (events: readonly AnyEvent[]) => void
  readonly relay?: Pick<RelayObserver, 'published' | 'around'>
}

export type BrokerState = 'connected' | 'away'

export interface KafkaEventLog extends EventLog {
  /** Whether Kafka answered when it was last asked; followers tell for themselves. */
  readonly broker: BrokerState
  /**
   * When every broker that followers of this process fetch from last answered, by this process's clock: a quarter of a second ago at the most while Kafka
   * answers and what it brings is applied at once. Undefined until all followers have had answers.
   */
  answeredAt(): Date | undefined
  /** What waits to be published, and how many events Kafka refuses, each for its size: those of the same keys wait behind them. */
  backlog(): Promise<{ readonly events: number; readonly seconds: number; readonly refused: number }>
  /** Events of these names that wait to be published, a thousand at the most, in the order of their keys. */
  waiting(names: readonly EventName[]): Promise<AnyEvent[]>
  /** Publishes what is in hand, then stops; so do its followers, each after the batch in hand. */
  close(): Promise<void>
}

const longestPause = 5_000

/**
 * The event log as an outbox in each publisher's schema and topics in Kafka. Answers at once: Kafka may be away now and
 * at any time; what is appended waits in the outbox, and following begins when it is there.
 */
export function openKafkaEventLog(options: KafkaEventLogOptions): KafkaEventLog {
  const client = new KafkaClient(options.kafka, options.topics)
  const stop = new AbortController()
  let broker: BrokerState = 'away'
  const tell = (state: BrokerState): void => {
    if (state === broker) return
    broker = state
    options.onBroker?.(state)
  }
  const topics = reachTopics(client, stop.signal, options.onFailure).then((found) => {
    tell('connected')
    return found
  })
  topics.catch(() => undefined)
  const outbox = options.outbox && new Outbox(options.outbox.schema)
  const relay =
    options.outbox &&
    outbox &&
    new Relay({
      database: options.outbox.database,
      outbox,
      source: options.outbox.source,
      client,
      topics,
      refusedAgainAfter: options.refusedAgainAfter,
      observe: {
        published: (events) => options.relay?.published(events),
        around: (events, work) => (options.relay === undefined ? work() : options.relay.around(events, work)),
        refused: (event) => options.onRefused?.(event),
        failed: options.onFailure,
        broker: tell,
      },
    })
  const followers: KafkaFollower[] = []
  return {
    get broker() {
      return broker
    },
    append(transaction: Appending, events: readonly AnyEvent[]): void {
      if (outbox === undefined || relay === undefined) throw new Error('this program has no outbox to append to')
      outbox.append(transaction, events, (rows) => {
        relay.handOver(rows)
        options.onAppended?.(events)
      })
    },
    follow(subscription: Subscription): Follower {
      const follower = new KafkaFollower(client, topics, options.topics.prefix, subscription, tell)
      followers.push(follower)
      return follower
    },
    answeredAt() {
      const all = followers.map((follower) => follower.answeredAt()?.getTime())
      return all.length > 0 && all.every((at) => at !== undefined) ? new Date(Math.min(...all)) : undefined
    },
    async backlog() {
      if (options.outbox === undefined || outbox === undefined) return { events: 0, seconds: 0, refused: 0 }
      return { ...(await outbox.backlog(options.outbox.database)), refused: relay?.refused ?? 0 }
    },
    async waiting(names) {
      if (options.outbox === undefined || outbox === undefined) return []
      const { database, source } = options.outbox
      const rows = await outbox.waiting(database, names)
      return rows.map(({ traceparent, payload, position: _position, shard: _shard, topic: _topic, ...row }) =>
        readEvent({ ...row, source, traceparent: traceparent ?? undefined, payload: JSON.parse(payload) }),
      )
    },
    async close() {
      stop.abort()
      await Promise.all([relay?.stop(), ...followers.map((follower) => follower.stop())])
    },
  }
}

/** Asks until Kafka answers; never ends by itself otherwise. */
async function reachTopics(
  client: KafkaClient,
  signal: AbortSignal,
  onFailure: (error: unknown) => void,
): Promise<Topics> {
  for (let failures = 0; ; failures++) {
    try {
      return await client.topics()
    } catch (error) {
      if (signal.aborted) throw error
      onFailure(error)
      await pause(Math.min(longestPause, 200 * 2 ** failures), signal)
    }
  }
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(end, milliseconds)
    signal.addEventListener('abort', end, { once: true })
    function end(): void {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
  })
}
