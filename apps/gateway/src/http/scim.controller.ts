import { Readable } from 'node:stream'
import { All, Controller, Inject, Req, Res } from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { traceOf } from '#libs/telemetry/index'
import type { TextStream } from '../answer.ts'
import { GATEWAY_PARTS, type GatewayParts } from '../parts.ts'
import { serve, type ServeParts } from '../serve.ts'
import { arrivalOf } from './arrival.ts'

export const SERVE_PARTS = Symbol('SERVE_PARTS')

/** Every address below /scim: what each of them does is a matter of `endpoints.ts`, what it takes to get there of `way-in.ts`. */
@Controller('scim')
export class ScimController {
  readonly #serve: ServeParts
  readonly #parts: GatewayParts

  constructor(@Inject(SERVE_PARTS) serveParts: ServeParts, @Inject(GATEWAY_PARTS) parts: GatewayParts) {
    this.#serve = serveParts
    this.#parts = parts
  }

  @All(['', '*'])
  async answer(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const { telemetry, clock, requestTimeout } = this.#parts
    const { traceparent } = traceOf(header(request.headers['traceparent']))
    await telemetry.span(`SCIM ${request.method}`, { kind: 'server', parent: traceparent }, async (span) => {
      const { traceId, traceparent: own } = span
      const answer = await serve(
        arrivalOf(request, { traceId, traceparent: own }, clock(), requestTimeout),
        this.#serve,
      )
      span.setAttribute('http.request.method', request.method)
      span.setAttribute('http.response.status_code', answer.status)
      await answer.turn?.()
      reply.code(answer.status).headers(answer.headers)
      if (typeof answer.body === 'object') sendPieces(reply, answer.body)
      else reply.send(answer.body)
    })
  }
}

/** Milliseconds for which a client may take nothing of what is sent; what it is read from is not held for longer. */
const longestStall = 30_000

/** As fast as the client takes it. Should it fail, the connection breaks, so that nobody takes a part for the whole. */
function sendPieces(reply: FastifyReply, stream: TextStream): void {
  const { raw } = reply
  raw.setTimeout(longestStall, () => raw.destroy())
  reply.send(Readable.from(stream.pieces, { objectMode: false }).once('close', () => void stream.close()))
}

function header(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined
}
