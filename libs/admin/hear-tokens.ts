import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common'
import { z } from 'zod'
import type { Subscription, TrustChannel } from '#libs/cache/index'
import { adminTokenEvents, type Event } from '#libs/events/index'
import type { KnownTokens } from './store/known-tokens.ts'

/** Nest providers: what a service knows of admin tokens, and where it hears at once that one was revoked. */
export const KNOWN_TOKENS = Symbol('KNOWN_TOKENS')
export const TOKEN_CHANNEL = Symbol('TOKEN_CHANNEL')

export interface TokenChannel {
  readonly channel: Pick<TrustChannel, 'subscribe'>
  readonly onFailure: (error: unknown) => void
  /** Told once it is listened to, for whoever judges how current the service is. */
  readonly heard?: (subscription: Subscription) => void
  /** Told that the tables lack what the channel said, for the same: what it said before counts no more. */
  readonly missed?: () => void
}

const revoked = z.object({
  id: z.string(),
  name: z.literal('admin-token.revoked'),
  source: z.literal('keys'),
  subject: z.string(),
  key: z.string(),
  version: z.int().positive(),
  time: z.iso.datetime(),
  payload: adminTokenEvents['admin-token.revoked'],
})

/** Messages that wait while Postgres is slow; what comes beyond is left to the event log. */
const mostWaiting = 1_000

/** Takes trust in admin tokens away as the keys service says it on the channel, sooner than the event log; other messages are others'. */
@Injectable()
export class HearTokens implements OnModuleInit, OnModuleDestroy {
  readonly #tokens: KnownTokens
  readonly #from: TokenChannel
  #subscription: Subscription | undefined
  #working: Promise<void> = Promise.resolve()
  #waiting = 0

  constructor(@Inject(KNOWN_TOKENS) tokens: KnownTokens, @Inject(TOKEN_CHANNEL) from: TokenChannel) {
    this.#tokens = tokens
    this.#from = from
  }

  onModuleInit(): void {
    this.#subscription = this.#from.channel.subscribe(
      (message) => this.#hear(message),
      () => this.#tokens.forgetAll(),
    )
    this.#from.heard?.(this.#subscription)
  }

  async onModuleDestroy(): Promise<void> {
    this.#subscription?.end()
    await this.#working
  }

  #hear(message: string): void {
    const event = eventIn(message)
    if (event === undefined) return
    // Whatever becomes of it, nothing that is in memory is gone by any more.
    this.#tokens.forgetAll()
    if (this.#waiting >= mostWaiting) return this.#from.missed?.()
    this.#waiting++
    this.#working = this.#working
      .then(() => this.#tokens.distrust(event))
      .catch((error: unknown) => {
        this.#from.missed?.()
        this.#from.onFailure(error)
      })
      .finally(() => this.#waiting--)
  }
}

function eventIn(message: string): Event<'admin-token.revoked'> | undefined {
  try {
    const read = revoked.safeParse(JSON.parse(message))
    return read.success ? { ...read.data, traceparent: undefined } : undefined
  } catch {
    return undefined
  }
}
