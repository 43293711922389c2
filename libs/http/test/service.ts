import { connect, type Socket } from 'node:net'
import { Readable } from 'node:stream'
import { setTimeout as later } from 'node:timers/promises'
import {
  Body,
  Controller,
  Get,
  Inject,
  Module,
  Param,
  Post,
  Query,
  Req,
  Res,
  type ExceptionFilter,
  type INestApplication,
} from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { hideSecret } from '#libs/telemetry/index'
import {
  HEALTH_CHECKS,
  HealthController,
  METRICS_TEXT,
  ProblemFilter,
  createHttpAdapter,
  listen,
  pageOf,
  paging,
  parse,
  problems,
  BodyAborted,
  BodyUnreadable,
  readBody,
  type HealthCheck,
  type Listening,
} from '../index.ts'
import type { Unread } from '../unread.ts'

export const token = 'correct-horse-battery-staple'
hideSecret(token)
export const bodyLimit = 1000
const tenant = z.object({ name: z.string().min(1), tags: z.array(z.object({ 'a/b': z.number() })).default([]) })

export const logged: unknown[] = []
export const unread: Unread[] = []
export const checks: HealthCheck[] = []
export const gate = { entered: Promise.withResolvers<void>(), open: Promise.withResolvers<void>() }
const GREETING = Symbol('GREETING')

@Controller('scim/v2/:connection')
class RawController {
  @Post('refused')
  refused() {
    throw problems.forbidden('refused before the body was read')
  }

  @Post('read')
  async read(@Req() request: FastifyRequest) {
    const body = await readBody(request.raw, bodyLimit).catch((error: unknown) => {
      if (error instanceof BodyUnreadable) throw problems.badRequest(error.detail)
      throw error instanceof BodyAborted ? problems.requestTimeout() : error
    })
    return {
      text: body.toString(),
      parsed: request.body ?? null,
      contentType: request.raw.headers['content-type'] ?? null,
    }
  }
}

@Controller('admin/v1')
class AdminController {
  @Get('tenants')
  list(@Query() query: unknown) {
    const page = paging(query)
    const first = Number(page.after?.[0] ?? 0) + 1
    const rows = Array.from({ length: 5 }, (_, at) => at + 1).filter((id) => id >= first)
    return pageOf(
      rows.slice(0, page.limit + 1),
      page,
      (id) => [String(id)],
      (id) => ({ id }),
    )
  }

  @Post('tenants')
  create(@Body() body: unknown) {
    return parse(tenant, body)
  }

  @Get('tenants/:id')
  get(@Param('id') id: string) {
    throw id === 'broken' ? new Error(`lost ${token}`) : problems.notFound('tenant', id)
  }
}

@Controller('slow')
class SlowController {
  readonly greeting: string
  constructor(@Inject(GREETING) greeting: string) {
    this.greeting = greeting
  }

  @Get()
  async answer() {
    gate.entered.resolve()
    await gate.open.promise
    return { greeting: this.greeting }
  }
}

export const callers: FastifyRequest['caller'][] = []

@Controller('caller')
class CallerController {
  @Get()
  answer(@Req() { caller }: FastifyRequest) {
    callers.push(caller)
    return {}
  }
}

/** What GET /stream answers with: the test goes on with it. */
export let stream: Readable

@Controller('stream')
class StreamController {
  @Get()
  answer(@Res() reply: FastifyReply) {
    stream = new Readable({ read: () => undefined })
    stream.push('one')
    void reply.type('text/plain').send(stream)
  }
}

@Module({
  controllers: [RawController, AdminController, SlowController, CallerController, StreamController, HealthController],
  providers: [
    { provide: HEALTH_CHECKS, useValue: checks },
    { provide: METRICS_TEXT, useValue: async () => 'latchkey_up 1\n' },
    { provide: GREETING, useValue: 'hello' },
  ],
})
export class TestModule {}

const otherForm: ExceptionFilter = {
  catch: (_, host) => void host.switchToHttp().getResponse<FastifyReply>().code(418).send({ form: 'other' }),
}

export async function application(): Promise<INestApplication> {
  const adapter = createHttpAdapter({
    bodyLimit,
    requestTimeoutMs: 1_500,
    rawPrefixes: ['/scim/'],
    forms: [{ prefix: '/other/', render: ({ status }) => ({ contentType: 'text/other', body: `other ${status}` }) }],
  })
  adapter.onUnread((one) => unread.push(one))
  const app = await NestFactory.create(TestModule, adapter, { bodyParser: false, logger: false, abortOnError: false })
  app.useGlobalFilters(
    new ProblemFilter({
      logger: { error: (fields) => logged.push(fields) },
      methodsAt: (path) => adapter.methodsAt(path),
      elsewhere: [{ prefix: '/other/', filter: otherForm }],
    }),
  )
  return app
}

export let server: Listening

/** Starts one for the tests of a file, which each find nothing of those before. */
export function serveTests(): void {
  beforeAll(async () => {
    server = await listen(await application(), { host: '127.0.0.1', port: 0 })
  })
  afterAll(() => server.close())
  beforeEach(() => {
    logged.length = 0
    unread.length = 0
    checks.length = 0
    callers.length = 0
    gate.entered = Promise.withResolvers()
    gate.open = Promise.withResolvers()
  })
}

export const authorization = `Bearer ${token}`

export async function call(
  method: string,
  path: string,
  headers: Record<string, string> = {},
  body?: string | Uint8Array<ArrayBuffer>,
) {
  const response = await fetch(server.url + path, { method, headers, ...(body === undefined ? {} : { body }) })
  const text = await response.text()
  return { status: response.status, headers: response.headers, text, json: text === '' ? undefined : JSON.parse(text) }
}

export function admin(body: string | Uint8Array<ArrayBuffer>, contentType = 'application/json') {
  return call('POST', '/admin/v1/tenants', { authorization, 'content-type': contentType }, body)
}

/** What comes back is dropped where nobody listens. */
export function connected(): Socket {
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
  socket.on('error', () => undefined)
  return socket.setNoDelay(true).resume()
}

export async function polled(holds: () => boolean): Promise<void> {
  for (let turn = 0; !holds(); turn++) {
    if (turn > 1_000) throw new Error('it never came to pass')
    await later(10)
  }
}

/** Writes to one connection, and gives all that comes back until the server closes it or `enough` is seen. */
export async function conversation(parts: readonly string[], enough: (text: string) => boolean) {
  const socket = connected()
  const seen = Promise.withResolvers<{ text: string; closed: boolean }>()
  let text = ''
  socket.on('data', (chunk) => {
    text += chunk.toString()
    if (enough(text)) seen.resolve({ text, closed: false })
  })
  socket.on('close', () => seen.resolve({ text, closed: true }))
  for (const part of parts) socket.write(part)
  try {
    return await seen.promise
  } finally {
    socket.destroy()
  }
}

export const statuses = (text: string) => [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => Number(status))
export const head = (method: string, path: string, ...headers: string[]) =>
  [`${method} ${path} HTTP/1.1`, 'host: x', ...headers, '', ''].join('\r\n')
