import { Controller, Inject, Post, Req, Res } from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { traceOf } from '#libs/telemetry/index'
import { GATEWAY_PARTS, type GatewayParts } from '../parts.ts'
import type { ServeParts } from '../serve.ts'
import { exchange } from '../token.ts'
import { arrivalOf } from './arrival.ts'
import { SERVE_PARTS } from './scim.controller.ts'

/** RFC 6749 section 3.2, for keys that are exchanged. */
@Controller('oauth2')
export class TokenController {
  readonly #serve: ServeParts
  readonly #parts: GatewayParts

  constructor(@Inject(SERVE_PARTS) serveParts: ServeParts, @Inject(GATEWAY_PARTS) parts: GatewayParts) {
    this.#serve = serveParts
    this.#parts = parts
  }

  @Post('token')
  async token(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const { telemetry, clock, requestTimeout } = this.#parts
    const sent = request.headers['traceparent']
    const { traceparent } = traceOf(typeof sent === 'string' ? sent : undefined)
    await telemetry.span('token', { kind: 'server', parent: traceparent }, async (span) => {
      const { traceId, traceparent: own } = span
      const answer = await exchange(
        arrivalOf(request, { traceId, traceparent: own }, clock(), requestTimeout),
        this.#serve,
      )
      span.setAttribute('http.request.method', request.method)
      span.setAttribute('http.response.status_code', answer.status)
      await answer.turn?.()
      reply.code(answer.status).headers(answer.headers).type('application/json; charset=utf-8').send(answer.body)
    })
  }
}
