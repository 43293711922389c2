import { Inject, Injectable, type OnModuleInit } from '@nestjs/common'
import { HttpAdapterHost } from '@nestjs/core'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { HttpAdapter, type Problem, problems, renderProblem, type UnreadRequest } from '#libs/http/index'
import type { AnyEvent, EventSource } from '#libs/events/index'
import type { Telemetry } from '#libs/telemetry/index'
import { AdminCall } from './admin-call.ts'
import { isUnmodified } from './conditions.ts'
import type { Operations } from './operation.ts'
import { UnprovedCalls, type TooMany } from './unproved-calls.ts'
import { unreadCall } from './unread-call.ts'

export interface AdminCallsParts {
  readonly operations: Operations
  /** Which service the records come from. */
  readonly source: EventSource
  /** For the records of reads and refusals; false when it is full. */
  readonly decisions: { offer(event: AnyEvent): boolean }
  /** Calls for which no token was accepted and that changed nothing, within ten seconds from one network, that are answered as they are. */
  readonly unproved: number
  readonly clock: () => Date
  readonly telemetry: Pick<Telemetry, 'span'>
}

export const ADMIN_CALLS = Symbol('ADMIN_CALLS')

/** Of the path in its one form (`libs/http`). The directory and the trail are read by admin tokens, and the report of leaked keys changes keys as the admin API does. */
const admin = /^\/((admin|directory|audit)\/v1|leaks)([/?]|$)/
const problem = z.object({ code: z.string(), detail: z.string() })

/**
 * Leaves exactly one `request.decided` of every call of the admin APIs, whatever became of it: a write left it in its
 * own transaction, with one more within it for each of several tenants; all others, refusals and unknown addresses too, are recorded here, before they are answered.
 * When the queue is full the call is answered 503 instead. Of calls for which no token was accepted and that changed nothing, those that are too many
 * are answered 429, whatever they were to be answered, and one a second leaves a record, which counts the others. What HTTP itself refused has been answered by then, and is recorded alike.
 */
@Injectable()
export class RecordCalls implements OnModuleInit {
  readonly #host: HttpAdapterHost
  readonly #parts: AdminCallsParts
  readonly #unproved: UnprovedCalls

  constructor(@Inject(HttpAdapterHost) host: HttpAdapterHost, @Inject(ADMIN_CALLS) parts: AdminCallsParts) {
    this.#host = host
    this.#parts = parts
    this.#unproved = new UnprovedCalls(parts.unproved)
  }

  onModuleInit(): void {
    const { httpAdapter } = this.#host
    const fastify: FastifyInstance = httpAdapter.getInstance()
    if (!(httpAdapter instanceof HttpAdapter)) throw new TypeError('the program was not given createHttpAdapter')
    httpAdapter.onUnread(({ request, status, detail }) => {
      if (request !== undefined && admin.test(request.target)) void this.#recordUnread(request, status, detail)
    })
    fastify.addHook('onRequest', (request, reply, done) => {
      if (!admin.test(request.raw.url ?? '')) return done()
      this.#open(request, reply, done)
    })
    fastify.addHook('onSend', (request, reply, payload, done) => {
      const call = request.adminCall
      if (call === undefined) return done(null, payload)
      const answer = conclude(call, reply, payload)
      if (call.recorded) return done(null, answer)
      if (request.adminTokenPassed === true) return done(null, this.#record(call, reply, answer))
      this.#unproved
        .count(request.caller, call.actorId)
        .then((tooMany) => this.#recordUnproved(call, reply, answer, tooMany))
        .then(
          (told) => done(null, told),
          (error: Error) => done(error),
        )
    })
  }

  /** The call's span lasts until its answer has left. */
  #open(request: FastifyRequest, reply: FastifyReply, done: () => void): void {
    const { telemetry, clock, source } = this.#parts
    const operation = this.#operationOf(request)
    const parent = request.headers.traceparent?.toString()
    void telemetry.span(`admin ${operation ?? 'unknown'}`, { kind: 'server', parent }, (span) => {
      request.adminCall = new AdminCall(request, reply, span, clock(), { source, operation })
      reply.header('cache-control', 'no-store')
      done()
      return new Promise<void>((resolve) => reply.raw.once('close', resolve))
    })
  }

  #operationOf(request: FastifyRequest): string | null {
    const method = request.method === 'HEAD' ? 'GET' : request.method
    return this.#parts.operations[`${method} ${request.routeOptions.url ?? ''}`] ?? null
  }

  #recordUnproved(call: AdminCall, reply: FastifyReply, payload: unknown, tooMany: TooMany | undefined): unknown {
    if (tooMany === undefined) return this.#record(call, reply, payload)
    // What is too many already says for how long, and what is no fault of the caller's says what is.
    const isTold = reply.statusCode === 429 || reply.statusCode >= 500
    const answer = isTold ? payload : instead(reply, problems.tooManyRefused(tooMany.retryAfterSeconds))
    call.alike = tooMany.alike
    return tooMany.alike === undefined ? answer : this.#record(call, reply, answer)
  }

  async #recordUnread(request: UnreadRequest, status: number, detail: string): Promise<void> {
    const { telemetry, clock, source, decisions } = this.#parts
    const tooMany = await this.#unproved.count(request.caller)
    if (tooMany !== undefined && tooMany.alike === undefined) return
    await telemetry.span('admin unknown', { kind: 'server' }, async (span) => {
      decisions.offer(unreadCall({ ...request, status, detail, alike: tooMany?.alike }, { source, span, now: clock() }))
    })
  }

  #record(call: AdminCall, reply: FastifyReply, payload: unknown): unknown {
    const refusal = refusalIn(reply, payload)
    const outcome = {
      status: reply.statusCode,
      code: refusal?.code ?? null,
      detail: refusal?.detail ?? null,
      events: call.events,
      changed: [],
    }
    if (this.#parts.decisions.offer(call.decided(outcome, this.#parts.clock()))) {
      call.recorded = true
      return payload
    }
    const full = problems.unavailable(
      'What happens here must be recorded, and the record cannot be written at the moment. Try again shortly.',
      1,
    )
    return instead(reply, full)
  }
}

/** Another answer than the one that is about to be sent. */
function instead(reply: FastifyReply, problem: Problem): string {
  reply
    .code(problem.status)
    .removeHeader('content-length')
    .removeHeader('www-authenticate')
    .headers(problem.headers)
    .type('application/problem+json')
  return JSON.stringify(renderProblem(problem))
}

/** Status and tag of an answer that went well. Nothing is sent of what the caller has already (RFC 9110 section 13.1.2). */
function conclude(call: AdminCall, reply: FastifyReply, payload: unknown): unknown {
  if (reply.statusCode >= 300) return payload
  reply.code(call.status)
  if (call.tag === undefined) return payload
  reply.header('etag', call.tag)
  if (!(call.method === 'GET' || call.method === 'HEAD') || !isUnmodified(call.header('if-none-match'), call.tag))
    return payload
  reply.code(304).removeHeader('content-type').removeHeader('content-length')
  return ''
}

function refusalIn(reply: FastifyReply, payload: unknown): z.infer<typeof problem> | undefined {
  if (reply.statusCode < 400 || !(typeof payload === 'string' || Buffer.isBuffer(payload))) return undefined
  try {
    return problem.safeParse(JSON.parse(payload.toString())).data
  } catch {
    return undefined
  }
}
