import { createParamDecorator, type ExecutionContext } from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Event, type EventSource, newId, type RequestDecided } from '#libs/events/index'
import { recordOf } from './call-record.ts'
import { checkConditions, type State } from './conditions.ts'
import type { Actor } from './powers.ts'
import './admin-guard.ts'
import { redact, type Span } from '#libs/telemetry/index'

/** One line of ASCII for a person. */
const warningHeader = 'latchkey-warning'

/** What a call turned out to be about; each part is null until it was found to exist. */
export type About = Pick<RequestDecided, 'tenant' | 'connection' | 'environment' | 'identityProvider' | 'subject'>

export const aboutNothing: About = {
  tenant: null,
  connection: null,
  environment: null,
  identityProvider: null,
  subject: null,
}

export interface Outcome {
  readonly status: number
  readonly code: string | null
  readonly detail: string | null
  readonly events: readonly string[]
  readonly changed: readonly string[]
}

/** One request to the admin API, from its first line to its record. */
export class AdminCall {
  readonly id: string
  readonly receivedAt: Date
  readonly operation: string | null
  readonly traceparent: string
  about: About = aboutNothing
  /** Ids of the events that it brought about, where these were appended before its record. */
  events: readonly string[] = []
  /** True once its record is in the log, within the transaction of a write. */
  recorded = false
  /** For one that is refused as one of too many: how many were so before it, and left no record. */
  alike: number | undefined
  /** The entity tag of what is answered, for whoever asks whether it is still so. */
  tag: string | undefined
  /** True for a PUT that made what was not there. */
  made = false
  readonly #source: EventSource
  readonly #request: FastifyRequest
  readonly #reply: FastifyReply
  readonly #traceId: string
  readonly #started = performance.now()

  constructor(
    request: FastifyRequest,
    reply: FastifyReply,
    span: Span,
    now: Date,
    { source, operation }: { readonly source: EventSource; readonly operation: string | null },
  ) {
    this.#source = source
    this.#request = request
    this.#reply = reply
    this.#traceId = span.traceId
    this.id = newId(now.getTime())
    this.receivedAt = now
    this.traceparent = span.traceparent
    this.operation = operation
  }

  get method(): string {
    return this.#request.method
  }

  /** Where the caller is. */
  get address(): string {
    return this.#request.caller.text
  }

  /** Without its query string, and without a key that somebody put there. */
  get path(): string {
    return redact(this.#request.raw.url?.split('?', 1)[0] ?? '')
  }

  get query(): string {
    return this.#request.raw.url?.split('?').slice(1).join('?') ?? ''
  }

  get body(): unknown {
    return this.#request.body
  }

  header(name: string): string | undefined {
    const value = this.#request.headers[name]
    return Array.isArray(value) ? value.join(', ') : value
  }

  /** The status that is answered unless something goes wrong from here on. */
  get status(): number {
    return this.made ? 201 : this.#reply.statusCode
  }

  /** Who asks. */
  get actor(): Actor {
    const { adminActor } = this.#request
    if (adminActor === undefined) throw new Error('this address is not guarded')
    return adminActor
  }

  /** The id of the token that was proved; undefined where nobody is asked for one. */
  get actorId(): string | undefined {
    return this.#request.adminActor?.id
  }

  /** Holds a write to If-Match and If-None-Match; given the state of what is there, or undefined. Throws Problem `preconditionFailed`. */
  requireUnchanged(state: State | undefined): void {
    const [ifMatch, ifNoneMatch] = [this.header('if-match'), this.header('if-none-match')]
    checkConditions({ ifMatch, ifNoneMatch }, state)
  }

  /** Tells the caller something that the answer itself has no place for, after what he was told before. */
  warn(text: string): void {
    const before = this.#reply.getHeader(warningHeader)
    this.#reply.header(warningHeader, before === undefined ? text : `${String(before)} ${text}`)
  }

  /** Its record. */
  decided(outcome: Outcome, now: Date): Event<'request.decided'> {
    const { id, about, alike } = this
    return this.#record({ requestId: id, ...about, ...(alike === undefined ? {} : { alike }) }, outcome, now)
  }

  /** The record, within its own, of what it did to a part of what it was about. */
  decidedWithin(about: Partial<About>, outcome: Outcome, now: Date): Event<'request.decided'> {
    return this.#record({ requestId: newId(now.getTime()), ...aboutNothing, ...about, within: this.id }, outcome, now)
  }

  #record(
    whose: About & Pick<RequestDecided, 'requestId' | 'alike' | 'within'>,
    { status, code, detail, events, changed }: Outcome,
    now: Date,
  ): Event<'request.decided'> {
    const microseconds = Math.round((performance.now() - this.#started) * 1000)
    const actor = this.#request.adminActor
    const call = {
      ...whose,
      ...(actor === undefined ? {} : { actor: actor.id }),
      method: this.method,
      path: this.path,
      operation: this.operation,
      address: this.#request.caller.text,
      userAgent: this.header('user-agent') ?? null,
      steps: stepsOf(status, code, this.#request.adminTokenPassed === true, microseconds),
      status,
      code,
      detail,
      changed: [...changed],
      events: [...events],
      receivedAt: this.receivedAt.toISOString(),
      microseconds,
      traceId: this.#traceId,
    }
    return recordOf(call, { source: this.#source, traceparent: this.traceparent, time: now })
  }
}

/** Parameter of a controller's method: the call that it answers. */
export const Call = createParamDecorator((_: unknown, context: ExecutionContext): AdminCall => {
  const { adminCall } = context.switchToHttp().getRequest<FastifyRequest>()
  if (adminCall === undefined) throw new Error('this address is not recorded as a call of the admin API')
  return adminCall
})

declare module 'fastify' {
  interface FastifyRequest {
    adminCall?: AdminCall
  }
}

/** What is refused for its address, its method or its body is so before its token is looked at. */
function stepsOf(
  status: number,
  code: string | null,
  tokenPassed: boolean,
  microseconds: number,
): RequestDecided['steps'] {
  const refused = { decision: 'refused', ...(code === null ? {} : { code }), microseconds } as const
  if (code === 'inClear') return [{ step: 'transport', ...refused }]
  if (code === 'addressUnreadable') return [{ step: 'address', ...refused }]
  if (status === 429) return [{ step: 'rate', ...refused }]
  if (status === 401 || code === 'pepperUnknown' || code === 'addressRefused')
    return [{ step: 'admin-token', ...refused }]
  const passed = { decision: 'passed', microseconds } as const
  const request = { step: 'request', ...(status < 400 ? passed : refused) }
  return tokenPassed ? [{ step: 'admin-token', ...passed, microseconds: 0 }, request] : [request]
}
