import { Body, Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common'
import { z } from 'zod'
import { aboutNothing, AdminApi, type AdminCall, Call } from '#libs/admin/index'
import { parseDuration } from '#libs/configuration/index'
import { pageOf, paging, parse, problems } from '#libs/http/index'
import { type Allowance, type Guard, rulesOf } from '../deprovisioning.ts'
import { type GuardDecision, GUARDS, type Guards } from '../guards.ts'
import { GATEWAY_PARTS, type GatewayParts } from '../parts.ts'
import { KnownTrust } from '../store/known-trust.ts'

const longest = 30 * 24 * 3_600_000

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
    z.strictObject({ count: z.int().positive().max(10_000_000) }),
  ],
  'must hold either "for", a duration such as "1h" of 30 days at the most, or "count", how many may pass',
)

/** What waits for a person, for whose admin token opens it. */
@AdminApi('guard')
export class GuardController {
  readonly #parts: GatewayParts
  readonly #trust: KnownTrust
  readonly #guards: Guards

  constructor(@Inject(GATEWAY_PARTS) parts: GatewayParts, trust: KnownTrust, @Inject(GUARDS) guards: Guards) {
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
    const after = await this.#guards.allow(allowance, await this.#decision(call, id))
    call.recorded = true
    return guardAnswer(after)
  }

  @Post(':connection/deny')
  @HttpCode(200)
  async deny(@Call() call: AdminCall, @Param('connection') id: string) {
    const after = await this.#guards.deny(await this.#decision(call, id))
    if (after === undefined) {
      throw problems.conflict(
        'Nothing of this connection is held or allowed, so there is nothing to deny. Disable the connection to refuse all of its requests.',
      )
    }
    call.recorded = true
    return guardAnswer(after)
  }

  async #decision(call: AdminCall, id: string): Promise<GuardDecision> {
    const known = await this.#trust.connection(id)
    if (known === undefined) throw problems.notFound('connection', id)
    const { tenant, connection, environment, identityProvider } = known
    const subject = { kind: 'connection', id: connection }
    call.about = { ...aboutNothing, tenant, connection, environment, identityProvider, subject }
    return {
      scope: known,
      rules: rulesOf(known),
      occasion: { time: call.receivedAt, traceparent: call.traceparent },
      decided: (event) =>
        call.decided(
          { status: call.status, code: null, detail: null, events: [event.id], changed: ['guard'] },
          this.#parts.clock(),
        ),
    }
  }
}

function guardAnswer({ connection, state, heldSince, tried, examples, until, left }: Guard) {
  return {
    connection,
    state,
    heldSince: heldSince?.toISOString() ?? null,
    tried,
    examples: [...examples],
    until: until?.toISOString() ?? null,
    left,
  }
}
