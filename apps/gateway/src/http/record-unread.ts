import { Inject, Injectable, type OnModuleInit } from '@nestjs/common'
import { HttpAdapterHost } from '@nestjs/core'
import { newId } from '#libs/events/index'
import { HttpAdapter, type Unread, type UnreadRequest } from '#libs/http/index'
import { errors } from '#libs/scim/index'
import { scimPrefix, tokenPath } from '../names.ts'
import { GATEWAY_PARTS, type GatewayParts } from '../parts.ts'
import type { ServeParts } from '../serve.ts'
import { recordUnread } from '../unread.ts'
import type { Arrival } from '../way-in.ts'
import { addressed } from './arrival.ts'
import { SERVE_PARTS } from './scim.controller.ts'

/** Has requests recorded that HTTP itself refused at the gateway's addresses, so that they reached no handler. */
@Injectable()
export class RecordUnread implements OnModuleInit {
  readonly #host: HttpAdapterHost
  readonly #serve: ServeParts
  readonly #parts: GatewayParts

  constructor(
    @Inject(HttpAdapterHost) host: HttpAdapterHost,
    @Inject(SERVE_PARTS) serveParts: ServeParts,
    @Inject(GATEWAY_PARTS) parts: GatewayParts,
  ) {
    this.#host = host
    this.#serve = serveParts
    this.#parts = parts
  }

  onModuleInit(): void {
    const adapter = this.#host.httpAdapter
    if (!(adapter instanceof HttpAdapter)) throw new TypeError('the application was not created with createHttpAdapter')
    adapter.onUnread(({ request, ...refusal }) => {
      if (request !== undefined) void this.#record(request, refusal)
    })
  }

  async #record(request: UnreadRequest, { status, detail }: Pick<Unread, 'status' | 'detail'>): Promise<void> {
    const [path = ''] = request.target.split('?')
    const isForToken = path === tokenPath
    if (!isForToken && !path.startsWith(`${scimPrefix}/`)) return
    await this.#parts.telemetry.span('unreadable request', { kind: 'server' }, async ({ traceId, traceparent }) => {
      const arrival = this.#arrivalOf(request, { traceId, traceparent })
      const passage = {
        arrival,
        steps: [],
        recorded: false,
        ...(isForToken ? { asksForToken: { client: () => Promise.reject(errors.internal()) } } : {}),
      }
      await recordUnread(passage, { status, detail }, this.#serve)
    })
  }

  #arrivalOf({ method, target, caller }: UnreadRequest, trace: Pick<Arrival, 'traceId' | 'traceparent'>): Arrival {
    const now = this.#parts.clock()
    return {
      requestId: newId(now.getTime()),
      method,
      ...addressed(target),
      headers: {},
      breach: undefined,
      caller,
      receivedAt: now,
      began: performance.now(),
      ...trace,
      readBody: () => Promise.reject(errors.internal()),
    }
  }
}
