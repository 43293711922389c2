import 'reflect-metadata'
import { Controller, Get, Module, UseGuards } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { z } from 'zod'
import { generatePeppers } from '#libs/credentials/index'
import type { AnyEvent } from '#libs/events/index'
import { createHttpAdapter, listen, ProblemFilter } from '#libs/http/index'
import { startTelemetry, type Telemetry } from '#libs/telemetry/index'
import { unlimitedRates } from '#test/unlimited'
import { ADMIN_AREA, type AdminArea, AdminCalls, AdminGuard, Admission, ADMISSION, TokenLookUps } from './index.ts'

const good = 'the-token-of-the-data-folder'
const operations = { 'GET /admin/v1/things': 'things.list', 'GET /admin/v1/things/open': 'things.read' }
const described: AdminArea['described'] = {
  'GET /admin/v1/things': {
    scope: 'tenants:read',
    concerns: 'own',
    summary: 'Lists things',
    answers: { 200: z.object({}) },
  },
  'GET /admin/v1/things/open': {
    scope: 'open',
    concerns: 'all',
    summary: 'Shows what anybody may see',
    answers: { 200: z.object({}) },
  },
}

@Controller('admin/v1/things')
@UseGuards(AdminGuard)
class Things {
  @Get()
  list() {
    return {}
  }

  @Get('open')
  read() {
    return {}
  }
}

let url: string
let telemetry: Telemetry
let close: () => Promise<void>
let records: Extract<AnyEvent, { name: 'request.decided' }>['payload'][]

beforeEach(async () => {
  records = []
  telemetry = await startTelemetry({ service: 'test' })
  const clock = (): Date => new Date()
  const offer = (event: AnyEvent): boolean => {
    if (event.name === 'request.decided') records.push(event.payload)
    return true
  }
  const admission = new Admission({
    bootstrap: [good],
    tokens: { find: async () => undefined, forgetAll: () => undefined },
    lookUps: new TokenLookUps(unlimitedRates),
    peppers: generatePeppers(),
    clock,
    isCurrent: () => true,
    onFailure: () => undefined,
  })
  @Module({
    imports: [AdminCalls.with({ operations, source: 'keys', unproved: 100, decisions: { offer }, clock, telemetry })],
    controllers: [Things],
    providers: [
      { provide: ADMISSION, useValue: admission },
      { provide: ADMIN_AREA, useValue: { described, owners: {} } },
    ],
  })
  class Program {}
  const adapter = createHttpAdapter({ bodyLimit: 1_000, requestTimeoutMs: 5_000 })
  const app = await NestFactory.create(Program, adapter, { logger: false, bodyParser: false })
  const logger = { error: () => undefined }
  app.useGlobalFilters(new ProblemFilter({ logger, methodsAt: (path) => adapter.methodsAt(path) }))
  const listening = await listen(app, { host: '127.0.0.1', port: 0 })
  ;({ url, close } = listening)
})
afterEach(async () => {
  await close()
  await telemetry.shutdown()
})

function ask(authorization: string | undefined, path = '/things'): Promise<Response> {
  return fetch(`${url}/admin/v1${path}`, authorization === undefined ? {} : { headers: { authorization } })
}

/** Statuses, each with how often it was answered. */
async function flood(count: number, one: () => Promise<Response>): Promise<Record<number, number>> {
  const answers = []
  for (let sent = 0; sent < count; sent++) answers.push((await one()).status)
  return Object.fromEntries([...Map.groupBy(answers, (status) => status)].map(([status, all]) => [status, all.length]))
}

test.each<[string, string | undefined, string, number]>([
  ['a wrong token', 'Bearer wrong', '/things', 401],
  ['no token', undefined, '/things', 401],
  ['an address that nothing answers', `Bearer ${good}`, '/nothing', 404],
  ['what anybody may ask', undefined, '/things/open', 200],
])(
  'a flood of calls with %s is answered 429 after a hundred, and leaves few records',
  async (_, token, path, status) => {
    expect(await flood(100, () => ask(token, path))).toEqual({ [status]: 100 })
    expect(records).toHaveLength(100)
    expect(await flood(200, () => ask(token, path))).toEqual({ 429: 200 })
    const answer = await ask(token, path)
    expect(answer.headers.get('content-type')).toContain('application/problem+json')
    expect(answer.headers.get('www-authenticate')).toBeNull()
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(await answer.json()).toMatchObject({ status: 429, code: 'tooManyRefused' })
    const told = records.slice(100)
    expect(told.length).toBeLessThan(100)
    expect(told[0]).toMatchObject({ status: 429, code: 'tooManyRefused', alike: 0, steps: [{ step: 'rate' }] })
  },
)

test('a good token is let in while its network is refused, and each of its calls leaves its record', async () => {
  await flood(150, () => ask('Bearer wrong'))
  records.splice(0)
  expect(await flood(150, () => ask(`Bearer ${good}`))).toEqual({ 200: 150 })
  expect(records.map(({ actor, status }) => [actor, status])).toEqual(
    Array.from({ length: 150 }, () => ['bootstrap', 200]),
  )
})
