import { Body, Controller, Get, Header, HttpCode, Inject, Post } from '@nestjs/common'
import { z } from 'zod'
import { type AdminCall, Call } from '#libs/admin/index'
import { networkOf, readAddress } from '#libs/addresses/index'
import { memoryLimiter } from '#libs/cache/index'
import { dummyMatch, keyFormat, matches, readKey } from '#libs/credentials/index'
import type { AnyEvent } from '#libs/events/index'
import { parse, problems } from '#libs/http/index'
import { KEYS_PARTS, type KeysParts } from '../parts.ts'
import type { ProvisioningKey } from '../provisioning-key.ts'
import { keyOf } from '../rotation.ts'
import { keysNamed } from '../store/named-keys.ts'
import { aboutKey } from './answers.ts'
import { end, KeyActs } from './key-acts.ts'
import { Writes } from './writes.ts'

/** Keys that one report may name. */
const mostKeys = 100
/** Reports from one network, to one process. */
const mostReports = { points: 60, seconds: 60 }

const token = z.looseObject({ token: z.string() })
/** `keys`, or the list that secret scanning of GitHub sends to its partners. */
export const report = z.union(
  [
    z.strictObject({ keys: z.array(z.string()).min(1).max(mostKeys) }).transform(({ keys }) => keys),
    z
      .array(token)
      .min(1)
      .max(mostKeys)
      .transform((tokens) => tokens.map((one) => one.token)),
  ],
  { error: `must be {"keys": [...]} or a list of {"token": ...}, with 1 to ${mostKeys} keys` },
)

type Outcome = 'revoked' | 'revoked before' | 'not a key of this installation'

/**
 * Whoever holds a key may revoke it with it, without any other token: who finds one must not have to find its owner first. Of a key that does
 * not prove itself nothing is told but that.
 */
@Controller()
export class LeaksController {
  readonly #parts: KeysParts
  readonly #writes: Writes
  readonly #acts: KeyActs
  readonly #limiter = memoryLimiter()

  constructor(@Inject(KEYS_PARTS) parts: KeysParts, @Inject(Writes) writes: Writes, @Inject(KeyActs) acts: KeyActs) {
    this.#parts = parts
    this.#writes = writes
    this.#acts = acts
  }

  /**
   * 200 with an outcome for each key, in their order. All are revoked in one transaction; a report that proves none is recorded like a
   * read. No Idempotency-Key is heeded: what is kept under one must not be anybody's to fill, and to report again does no harm.
   */
  @Post('leaks')
  @HttpCode(200)
  async report(@Call() call: AdminCall, @Body() body: unknown) {
    await this.#takeOne(call.address)
    const keys = parse(report, body).map((text) => readKey(text.trim()))
    const proved = await this.#proved(keys)
    const results = (outcomes: ReadonlyMap<string, Outcome>) =>
      keys.map((key): { kid: string | null; outcome: Outcome } => {
        const outcome = key.kind === 'key' ? outcomes.get(key.kid) : undefined
        if (key.kind !== 'key' || outcome === undefined) return { kid: null, outcome: 'not a key of this installation' }
        return { kid: key.kid, outcome }
      })
    if (proved.length === 0) return { results: results(new Map()) }
    const { body: answer } = await this.#writes.run(call, undefined, async (manager, now) => {
      const outcomes = new Map<string, Outcome>()
      const events: AnyEvent[] = []
      for (const known of proved) {
        const { done, events: own } = await this.#acts.perform(manager, call, now, known, (situation, moment) => {
          const isRevoked = keyOf(situation, known.kid).state === 'revoked'
          return { ...(isRevoked ? { situation, events: [] } : end(situation, known, 'revoke', moment)), isRevoked }
        })
        outcomes.set(known.kid, done.isRevoked ? 'revoked before' : 'revoked')
        events.push(...own)
      }
      const [first, ...others] = proved
      return {
        about: first === undefined || others.length > 0 ? {} : aboutKey(first),
        events,
        changed: [...outcomes.values()].includes('revoked') ? ['state'] : [],
        body: { results: results(outcomes) },
      }
    })
    return answer
  }

  /** What scanners look for, and where they report it. */
  @Get('.well-known/latchkey-key-format')
  @Header('cache-control', 'public, max-age=86400')
  format() {
    return {
      name: 'Latchkey provisioning key',
      pattern: keyFormat.source,
      examplePrefix: ['lk_live_', 'lk_test_'],
      checksum:
        'The last 6 characters are CRC-32 (IEEE) of everything before the last underscore, in base62 (0-9A-Za-z), most significant digit first, filled up with zeros.',
      report: '/leaks',
    }
  }

  /** Anybody may report, and each report costs a look-up: whoever sends too many is refused before that. */
  async #takeOne(caller: string): Promise<void> {
    const address = readAddress(caller)
    const wait = await this.#limiter.take(address === undefined ? caller : networkOf(address), mostReports)
    if (wait !== undefined) throw problems.tooManyRequests('reports came from this network', Math.ceil(wait / 1_000))
  }

  /** Each once, in the order in which connections are locked. */
  async #proved(keys: readonly ReturnType<typeof readKey>[]): Promise<ProvisioningKey[]> {
    const { entities, peppers } = this.#parts
    const whole = keys.flatMap((key) => (key.kind === 'key' ? key : []))
    const named = await keysNamed(
      entities.manager,
      whole.map(({ kid }) => kid),
    )
    const proved = new Map<string, ProvisioningKey>()
    for (const { kid, secret } of whole) {
      const known = named.get(kid)
      if (known === undefined) dummyMatch(peppers, secret)
      else if (matches(peppers, known, secret)) proved.set(kid, known)
    }
    return [...proved.values()].sort((one, other) => (one.connection < other.connection ? -1 : 1))
  }
}
