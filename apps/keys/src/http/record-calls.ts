import { Inject, Injectable, type OnModuleInit } from '@nestjs/common'
import { HttpAdapterHost } from '@nestjs/core'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { problems, renderProblem } from '#libs/http/index'
import { KEYS_PARTS, type KeysParts } from '../parts.ts'
import { AdminCall, operationOf } from './admin-call.ts'

const admin = /^\/admin\/v1([/?]|$)/
const problem = z.object({ code: z.string(), detail: z.string() })

/**
 * Leaves exactly one `request.decided` of every call of the admin API, whatever became of it: a write left it in its
 * own transaction; all others, refusals and unknown addresses too, are recorded here, before they are answered.
 * When the queue is full the call is answered 503 instead.
 */
@Injectable()
export class RecordCalls implements OnModuleInit {
  readonly #host: HttpAdapterHost
  readonly #parts: KeysParts

  constructor(@Inject(HttpAdapterHost) host: HttpAdapterHost, @Inject(KEYS_PARTS) parts: KeysParts) {
    this.#host = host
    this.#parts = parts
  }

  onModuleInit(): void {
    const fastify: FastifyInstance = this.#host.httpAdapter.getInstance()
    fastify.addHook('onRequest', (request, reply, done) => {
      if (!admin.test(request.raw.url ?? '')) return done()
      this.#open(request, reply, done)
    })
    fastify.addHook('onSend', (request, reply, payload, done) => {
      const call = request.adminCall
      done(null, call === undefined || call.recorded ? payload : this.#record(call, reply, payload))
    })
  }

  /** The call's span lasts until its answer has left. */
  #open(request: FastifyRequest, reply: FastifyReply, done: () => void): void {
    const { telemetry, clock } = this.#parts
    const parent = request.headers.traceparent?.toString()
    void telemetry.span(`admin ${operationOf(request) ?? 'unknown'}`, { kind: 'server', parent }, (span) => {
      request.adminCall = new AdminCall(request, reply, span, clock())
      reply.header('cache-control', 'no-store')
      done()
      return new Promise<void>((resolve) => reply.raw.once('close', resolve))
    })
  }

  #record(call: AdminCall, reply: FastifyReply, payload: unknown): unknown {
    const refusal = refusalIn(reply, payload)
    const outcome = {
      status: reply.statusCode,
      code: refusal?.code ?? null,
      detail: refusal?.detail ?? null,
      events: [],
      changed: [],
    }
    if (this.#parts.decisions.offer(call.decided(outcome, this.#parts.clock()))) {
      call.recorded = true
      return payload
    }
    const full = problems.unavailable(
      'What happens here must be recorded, and the record cannot be written at the moment. Nothing was changed. Try again shortly.',
      1,
    )
    reply.code(full.status).headers(full.headers).removeHeader('content-length').type('application/problem+json')
    return JSON.stringify(renderProblem(full))
  }
}

function refusalIn(reply: FastifyReply, payload: unknown): z.infer<typeof problem> | undefined {
  if (reply.statusCode < 400 || !(typeof payload === 'string' || Buffer.isBuffer(payload))) return undefined
  try {
    return problem.safeParse(JSON.parse(payload.toString())).data
  } catch {
    return undefined
  }
}
