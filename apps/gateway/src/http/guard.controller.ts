import { Body, Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common'
import { z } from 'zod'
import { AdminApi, type AdminCall, Call } from '#libs/admin/index'
import { parseDuration } from '#libs/configuration/index'
import { pageOf, paging, parse, problems } from '#libs/http/index'
import type { Transaction } from '#libs/postgres/index'
import { type Allowance, type Guard, rulesOf } from '../deprovisioning.ts'
import { type GuardDecided, type GuardDecision, GUARDS, type Guards } from '../guards.ts'
import { GATEWAY_PARTS, type GatewayParts } from '../parts.ts'
import { KnownTrust } from '../store/known-trust.ts'
import { Writes } from './writes.ts'

const longest = 30 * 24 * 3_600_000

const countRule = 'must be a whole number from 1 to 10000000'

export const allowBody = z.union(
  [
    z.strictObject({
      for: z.string().transform((text, context) => {
        const duration = parseDuration(text)
        if (duration !== undefined && duration > 0 && duration <= longest) return duration
        context.addIssue('must be a duration such as 30m, 1h or 2d, of 30 days at the most')
        return z.NEVER
      }),
    }),
    z.strictObject({ count: z.int(countRule).min(1, countRule).max(10_000_000, countRule) }),
  ],
  'must hold either "for", a whole number with its unit (s, m, h or d) such as "30m", "1h" or "2d", of 30 days at the most, or "count", a whole number of how many may pass',
)

/** What waits for a person, for whose admin token opens it. */
@AdminApi('guard')
export class GuardController {
  readonly #parts: GatewayParts
  readonly #trust: KnownTrust
  readonly #guards: Guards
  readonly #writes: Writes

  constructor(
    @Inject(GATEWAY_PARTS) parts: GatewayParts,
    trust: KnownTrust,
    @Inject(GUARDS) guards: Guards,
    writes: Writes,
  ) {
    this.#writes = writes
    this.#parts = parts
    this.#trust = trust
    this.#guards = guards
  }

  @Get()
  async list(@Call() call: AdminCall, @Query() query: unknown) {
    const page = paging(query)
    const found = await this.#guards.list(this.#parts.clock(), {
      limit: page.limit,
      after: page.after?.[0],
      tenants: call.actor.tenants,
    })
    return pageOf(found, page, ({ connection }) => [connection], guardAnswer)
  }

  @Post(':connection/allow')
  @HttpCode(200)
  async allow(@Call() call: AdminCall, @Param('connection') id: string, @Body() body: unknown) {
    const given = parse(allowBody, body)
    const allowance: Allowance =
      'for' in given ? { until: new Date(call.receivedAt.getTime() + given.for) } : { count: given.count }
    return this.#decide(call, id, (transaction, decision) => this.#guards.allow(transaction, allowance, decision))
  }

  @Post(':connection/deny')
  @HttpCode(200)
  async deny(@Call() call: AdminCall, @Param('connection') id: string) {
    return this.#decide(call, id, (transaction, { rules, ...decision }) => {
      if (rules !== undefined) return this.#guards.deny(transaction, { ...decision, rules })
      throw problems.conflict(
        `The guard of this connection is off, so nothing of it would be refused. Turn it on first, or wait some seconds where it was just turned on: latchkey connections set ${id} --guard on`,
      )
    })
  }

  async #decide(
    call: AdminCall,
    id: string,
    act: (transaction: Transaction, decision: GuardDecision) => Promise<GuardDecided | undefined>,
  ) {
    const known = await this.#trust.connection(id)
    if (known === undefined) throw problems.notFound('connection', id)
    const { tenant, connection, environment, identityProvider } = known
    const about = { tenant, connection, environment, identityProvider, subject: { kind: 'connection', id: connection } }
    call.about = about
    const occasion = { time: call.receivedAt, traceparent: call.traceparent }
    const { body } = await this.#writes.run(call, tenant, async (transaction) => {
      const decided = await act(transaction, { scope: known, rules: rulesOf(known), occasion })
      if (decided === undefined) throw problems.notFound('connection', id)
      const { guard, event } = decided
      return { about, events: [event], changed: ['guard'], body: guardAnswer(guard) }
    })
    return body
  }
}

function guardAnswer({ connection, state, heldSince, tried, examples, until, left }: Guard) {
  return {
    connection,
    state,
    heldSince: heldSince?.toISOString() ?? null,
    tried,
    examples: examples.map((example) => ({ ...example })),
    until: until?.toISOString() ?? null,
    left,
  }
}
