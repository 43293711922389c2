import { Body, Controller, Get, Header, HttpCode, Inject, Post } from '@nestjs/common'
import { z } from 'zod'
import { type AdminCall, Call } from '#libs/admin/index'
import { keyFormat, matches, readKey, type ReadKey } from '#libs/credentials/index'
import { parse } from '#libs/http/index'
import type { EntityManager } from '#libs/postgres/index'
import { KEYS_PARTS, type KeysParts } from '../parts.ts'
import { advance, type ProvisioningKey } from '../provisioning-key.ts'
import { lockKey, updateKey } from '../store/keys.ts'
import { aboutKey } from './answers.ts'
import { Writes } from './writes.ts'

/** Keys that one report may name. */
const mostKeys = 100

const token = z.looseObject({ token: z.string() })
/** `keys`, or the list that secret scanning of GitHub sends to its partners. */
const report = z.union(
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

  constructor(@Inject(KEYS_PARTS) parts: KeysParts, @Inject(Writes) writes: Writes) {
    this.#parts = parts
    this.#writes = writes
  }

  /** 200 with an outcome for each key, in their order. All are revoked in one transaction. */
  @Post('leaks')
  @HttpCode(200)
  async report(@Call() call: AdminCall, @Body() body: unknown) {
    const keys = parse(report, body).map((text) => readKey(text.trim()))
    const { body: answer } = await this.#writes.run(call, '', async (manager, now) => {
      const outcomes = new Map<string, Outcome>()
      const revoked: ProvisioningKey[] = []
      const events = []
      const read = keys.filter((key) => key.kind === 'key')
      for (const key of [...read].sort((one, other) => (one.kid < other.kid ? -1 : 1))) {
        const known = await this.#proved(manager, key)
        if (known === undefined || outcomes.has(known.kid)) continue
        outcomes.set(known.kid, known.state === 'revoked' ? 'revoked before' : 'revoked')
        if (known.state === 'revoked') continue
        const { key: after, event } = advance(known, 'revoke', { at: now, traceparent: call.traceparent })
        await updateKey(manager, after)
        revoked.push(after)
        events.push(event)
      }
      const [first] = revoked
      return {
        about: first === undefined || revoked.length > 1 ? {} : aboutKey(first),
        events,
        changed: revoked.length === 0 ? [] : ['state'],
        body: {
          results: keys.map((key): { kid: string | null; outcome: Outcome } => {
            const outcome = key.kind === 'key' ? outcomes.get(key.kid) : undefined
            if (key.kind !== 'key' || outcome === undefined)
              return { kid: null, outcome: 'not a key of this installation' }
            return { kid: key.kid, outcome }
          }),
        },
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

  async #proved(manager: EntityManager, { kid, secret }: ReadKey): Promise<ProvisioningKey | undefined> {
    const known = await lockKey(manager, kid)
    return known !== undefined && matches(this.#parts.peppers, known, secret) ? known : undefined
  }
}
