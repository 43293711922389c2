import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common'
import { LRUCache } from 'lru-cache'
import { z } from 'zod'
import type { Subscription } from '#libs/cache/index'
import { type Announced, announcedEvents, isAnnounced, readEvent } from '#libs/events/index'
import { type Counter, metrics } from '#libs/telemetry/index'
import { GATEWAY_PARTS, type GatewayParts } from '../parts.ts'
import { KnownTrust } from '../store/known-trust.ts'

const envelope = z.object({
  id: z.string(),
  name: z.enum(announcedEvents),
  source: z.literal('keys'),
  subject: z.string(),
  key: z.string(),
  version: z.int().positive(),
  time: z.iso.datetime(),
  traceparent: z.string().optional(),
  payload: z.unknown(),
})

type OfKeys = Exclude<Announced, { name: 'admin-token.revoked' }>

/** Messages that wait while Postgres is slow; what comes beyond is left to the event log. */
const mostWaiting = 1_000
/** Messages that are known to be in the tables. */
const mostApplied = 10_000

/**
 * Takes trust away as the keys service says it on the channel: sooner than the event log, and in whatever order the two bring it.
 * What is not to be announced there is counted and left alone: whoever can write to Redis can take trust away, and not give it.
 * After a gap in the channel nothing in memory is relied on.
 */
@Injectable()
export class HearChannel implements OnModuleInit, OnModuleDestroy {
  readonly #parts: GatewayParts
  readonly #trust: KnownTrust
  readonly #heard: Counter<'result'>
  #subscription: Subscription | undefined
  /** One after the other: a deleted tenant's keys must not take all connections to the database. */
  #working: Promise<void> = Promise.resolve()
  #waiting = 0
  /** What waits to be published is said again every two seconds: new words are not to queue behind all of that. */
  readonly #applied = new LRUCache<string, true>({ max: mostApplied })

  constructor(@Inject(GATEWAY_PARTS) parts: GatewayParts, trust: KnownTrust) {
    this.#parts = parts
    this.#trust = trust
    this.#heard = parts.telemetry.metrics.counter(metrics.channelMessages)
  }

  /** Does not wait for the channel: the event log says the same. */
  onModuleInit(): void {
    const { channel } = this.#parts
    for (const result of ['applied', 'failed', 'unreadable']) this.#heard.add(0, { result })
    const subscription = channel.subscribe(
      (message) => this.#hear(message),
      () => this.#trust.forgetAll(),
    )
    this.#subscription = subscription
    this.#parts.currency.hear(() => subscription.unbrokenSince)
  }

  async onModuleDestroy(): Promise<void> {
    this.#subscription?.end()
    await this.#working
  }

  #hear(message: string): void {
    if (this.#applied.has(message)) return this.#heard.add(1, { result: 'applied' })
    if (this.#waiting >= mostWaiting) return this.#miss()
    const event = eventIn(message)
    // Those who judge admin tokens hear for themselves.
    if (event?.name === 'admin-token.revoked') return
    if (event === undefined) {
      this.#heard.add(1, { result: 'unreadable' })
      this.#parts.logger.warn('something on the channel of revocations is no event that belongs there, and is ignored')
      return
    }
    this.#waiting++
    this.#working = this.#working.then(async () => {
      const result = await this.#apply(event)
      if (result === 'applied') this.#applied.set(message, true)
      this.#heard.add(1, { result })
      this.#waiting--
    })
  }

  /** The tables do not hold it: only the event log can tell it now. */
  #miss(): void {
    this.#parts.currency.missed()
    this.#trust.forgetAll()
  }

  async #apply(event: OfKeys): Promise<'applied' | 'failed'> {
    try {
      await this.#parts.database.transaction((transaction) => this.#trust.distrust(transaction, event))
      return 'applied'
    } catch (error) {
      this.#miss()
      this.#parts.logger.warn({ err: error, event: event.id }, 'what the channel said could not be applied yet')
      return 'failed'
    }
  }
}

/** Undefined for what the keys service does not announce: a connection that is enabled is told of by the event log alone. */
function eventIn(message: string): Announced | undefined {
  try {
    const received = envelope.parse(JSON.parse(message))
    const event = readEvent({ ...received, traceparent: received.traceparent, payload: received.payload })
    return isAnnounced(event) ? event : undefined
  } catch {
    return undefined
  }
}
