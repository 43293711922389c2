import { type CustomTransportStrategy, Server } from '@nestjs/microservices'
import { isObservable, lastValueFrom } from 'rxjs'
import { type AnyEvent, eventNames, type EventPattern, families, hears } from '#libs/events/index'
import type { Database } from '#libs/postgres/index'
import type { EventBatch, EventLog, Follower, FollowerObserver } from '../port.ts'

export interface EventLogServerOptions {
  readonly log: EventLog
  readonly group: string
  /** Only handlers declared with this transport id are served, so that several groups can live in one application. */
  readonly transportId: symbol
  readonly database: Database
  readonly schema: string
  readonly relaxed?: boolean
  readonly watched?: boolean
  readonly observe?: FollowerObserver
}

/** Serves Nest's `@EventPattern` controllers from the event log: in batches, each with its own transaction. */
export class EventLogServer extends Server implements CustomTransportStrategy {
  override readonly transportId: symbol
  override readonly propagatesEventHandlerErrors = true
  readonly #options: EventLogServerOptions
  #follower: Follower | undefined

  constructor(options: EventLogServerOptions) {
    super()
    this.#options = options
    this.transportId = options.transportId
  }

  get group(): string {
    return this.#options.group
  }

  /** Where the group keeps its state. */
  get database(): Database {
    return this.#options.database
  }

  get schema(): string {
    return this.#options.schema
  }

  /** Undefined until the server listens. */
  get follower(): Follower | undefined {
    return this.#follower
  }

  listen(started: () => void): void {
    const { log, group, database, schema, relaxed = false, watched = false, observe } = this.#options
    const patterns = [...this.messageHandlers.keys()].map(readPattern)
    this.#follower = log.follow({
      group,
      patterns,
      database,
      schema,
      relaxed,
      watched,
      handle: (events, batch) => this.#dispatch(patterns, events, batch),
      ...(observe === undefined ? {} : { observe }),
    })
    started()
  }

  async close(): Promise<void> {
    await this.#follower?.stop()
  }

  on(): never {
    throw new Error('the event log server emits nothing')
  }

  unwrap<T>(): T {
    return this.#follower as T
  }

  /** Each pattern gets its share of the batch in one call. Order holds within a pattern, which is what one key needs: a key has one family. */
  async #dispatch(patterns: readonly EventPattern[], events: readonly AnyEvent[], batch: EventBatch): Promise<void> {
    for (const pattern of patterns) {
      const share = events.filter((event) => hears(pattern, event.name))
      if (share.length === 0) continue
      const answer: unknown = await this.messageHandlers.get(pattern)?.(share, { ...batch, events })
      if (isObservable(answer)) await lastValueFrom(answer, { defaultValue: undefined })
    }
  }
}

function readPattern(pattern: string): EventPattern {
  const known: readonly string[] = [...eventNames, ...families.map((family) => `${family}.*`)]
  if (!known.includes(pattern)) throw new Error(`no event or family is named ${pattern}`)
  return pattern as EventPattern
}
