import { Body, HttpCode, Inject, Param, Post, Req } from '@nestjs/common'
import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { aboutNothing, AdminApi, type AdminCall, Call, KeptAnswers, type Replayable } from '#libs/admin/index'
import { isId, newId } from '#libs/events/index'
import { type Caller, parse, problems } from '#libs/http/index'
import { parseJson } from '#libs/scim/index'
import { type Capture, CAPTURES, type Captures } from '../capture.ts'
import { gatewaySchema } from '../names.ts'
import { GATEWAY_PARTS, type GatewayParts } from '../parts.ts'
import { serveReplay, type ServeParts } from '../serve.ts'
import type { Arrival } from '../way-in.ts'
import { SERVE_PARTS } from './scim.controller.ts'

export const replayBody = z.strictObject({ dryRun: z.boolean().default(false) }).default({ dryRun: false })

/** Requests that were captured in a sandbox, to be sent again. */
@AdminApi('requests')
export class RequestsController {
  readonly #serve: ServeParts
  readonly #parts: GatewayParts
  readonly #captures: Captures
  readonly #kept = new KeptAnswers(gatewaySchema)

  constructor(
    @Inject(SERVE_PARTS) serveParts: ServeParts,
    @Inject(GATEWAY_PARTS) parts: GatewayParts,
    @Inject(CAPTURES) captures: Captures,
  ) {
    this.#serve = serveParts
    this.#parts = parts
    this.#captures = captures
  }

  /**
   * Sends a captured request through the gateway again, as if its identity provider had: everything but its key is judged anew.
   * Answers with what was sent and what came of it, under a request id of its own; a body that is too large to be held is left out.
   */
  @Post(':request/replay')
  @HttpCode(200)
  async replay(
    @Call() call: AdminCall,
    @Param('request') id: string,
    @Body() body: unknown,
    @Req() raw: FastifyRequest,
  ) {
    const { dryRun } = parse(replayBody, body ?? undefined)
    const capture = isId(id) ? await this.#captures.find(id) : undefined
    if (capture === undefined) throw notCaptured()
    const owner = await this.#owner(capture.connection)
    call.about = { ...aboutNothing, ...owner, subject: { kind: 'request', id } }
    const { database, clock } = this.#parts
    const arrival = this.#arrival(call, capture, dryRun, raw.caller)
    const send = (): Promise<Replayable> => this.#send(call, arrival, id, capture)
    const { body: answer } = await this.#kept.around(database, call, owner.tenant ?? '', clock, send)
    return answer
  }

  async #send(call: AdminCall, arrival: Arrival, id: string, capture: Capture) {
    const { answer, diagnosis } = await serveReplay(arrival, id, this.#serve)
    call.events = answer.outcome.events
    const { method, path, query } = capture
    return {
      requestId: arrival.requestId,
      replayOf: id,
      request: { method, path, query, ...(capture.body === undefined ? {} : { body: parseJson(capture.body) }) },
      response: {
        status: answer.status,
        headers: { ...answer.headers },
        ...(typeof answer.body === 'string' ? { body: parseJson(answer.body) } : {}),
      },
      ...(diagnosis === undefined ? {} : { dialect: diagnosis.dialect.name }),
      deviations: (diagnosis?.deviations ?? []).map((deviation) => ({ ...deviation })),
    }
  }

  async #owner(id: string) {
    const known = await this.#serve.trust.connection(id)
    if (known === undefined) return { tenant: null }
    const { connection, tenant, environment, identityProvider } = known
    return { connection, tenant, environment, identityProvider }
  }

  #arrival(call: AdminCall, capture: Capture, dryRun: boolean, caller: Caller): Arrival {
    const now = this.#parts.clock()
    return {
      requestId: newId(now.getTime()),
      method: capture.method,
      connectionId: capture.connection,
      path: capture.path,
      query: new URLSearchParams(capture.query),
      target: '',
      headers: { ...capture.headers, ...(dryRun ? { 'latchkey-dry-run': 'true' } : {}) },
      breach: undefined,
      caller,
      receivedAt: now,
      began: performance.now(),
      traceId: call.traceparent.split('-')[1] ?? '',
      traceparent: call.traceparent,
      readBody: async () => Buffer.from(capture.body ?? ''),
    }
  }
}

export function notCaptured() {
  return problems.notHere(
    'No request with this id was captured: it is not one of a sandbox that was let in with a readable body, or it is too old or too large, or of another tenant. Find ids with GET /audit/v1/records.',
  )
}
