import { randomBytes } from 'node:crypto'
import { jest } from '@jest/globals'
import { metrics } from '#libs/telemetry/index'
import { startOtlpSink } from './otlp-sink.ts'
import { ask, create, Ground, metric, newConnection, newUser, rowsOf, until, user } from './running-program.ts'

jest.setTimeout(180_000)

const ground = new Ground()
afterAll(() => ground.end())

const newTrace = (): { traceId: string; traceparent: string } => {
  const traceId = randomBytes(16).toString('hex')
  return { traceId, traceparent: `00-${traceId}-00f067aa0ba902b7-01` }
}

test('one request is one trace: the request, and what each service made of its events', async () => {
  const sink = await startOtlpSink()
  const program = await ground.start(ground.folder(), { OTEL_EXPORTER_OTLP_ENDPOINT: sink.url })
  const { scimBaseUrl, key, url, adminToken } = program
  const creating = newTrace()
  const minting = newTrace()
  const created = await ask(`${scimBaseUrl}/Users`, {
    token: key,
    body: newUser('ada'),
    headers: { traceparent: creating.traceparent },
  })
  expect(created.status).toBe(201)
  const connection = scimBaseUrl.split('/').at(-1)
  const minted = await ask(`${url}/admin/v1/connections/${connection}/keys`, {
    token: adminToken,
    body: {},
    headers: { traceparent: minting.traceparent },
  })
  expect(minted.status).toBe(201)
  const applied = (group: string) => metric(program, `latchkey_follower_applied_total{group="${group}"}`)
  const { postgres } = program
  const decided = `SELECT count(*)::int AS count FROM event_log.event WHERE name = 'request.decided'`
  await until('everyone has followed', async () => {
    const [log] = await rowsOf<{ count: number }>(postgres.url, decided)
    return (
      (await applied('audit')) >= (log?.count ?? 0) &&
      (await applied('directory')) > 1 &&
      (await applied('gateway')) > 2
    )
  })
  await program.stop()
  await sink.stop()

  const spansOf = (traceId: string): string[] =>
    sink.spans
      .filter((span) => span.traceId === traceId)
      .map(({ name, attributes }) => [name, attributes['messaging.consumer.group.name']].filter(Boolean).join(' by '))
      .sort()
  expect(spansOf(creating.traceId)).toEqual([
    'SCIM POST',
    'follow request.decided by audit',
    'follow request.decided by keys',
    'follow user.provisioned by directory',
  ])
  expect(spansOf(minting.traceId)).toEqual(
    expect.arrayContaining(['follow key.minted by gateway', 'follow request.decided by audit']),
  )
  expect(JSON.stringify(sink.spans)).not.toContain(key.split('_')[3])
})

test('every metric is told, and none of their labels names a tenant, a connection, a key or a person', async () => {
  const program = await ground.start(ground.folder())
  const { scimBaseUrl, key, postgres } = program
  const other = await newConnection(program, 'initech')
  const grace = user.parse((await create(program, 'grace')).body)
  await ask(`${scimBaseUrl}/Users/${grace.id}`, {
    method: 'PATCH',
    token: key,
    body: {
      schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
      Operations: [{ op: 'Replace', path: 'active', value: 'False' }],
    },
  })
  await ask(`${scimBaseUrl}/Bulk`, {
    method: 'POST',
    token: key,
    body: {
      schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'],
      Operations: [{ method: 'DELETE', path: `/Users/${grace.id}` }],
    },
  })
  await ask(`${scimBaseUrl}/Users`, { token: `${key}x` })
  await ask(`${scimBaseUrl}/Users?filter=userName%20eq%20%22grace%22`, { token: key })
  await rowsOf(
    postgres.url,
    `INSERT INTO event_log.event (id, name, source, subject, key, version, time, payload)
     VALUES (gen_random_uuid(), 'user.provisioned', 'gateway', 'nobody', 'nobody', 1, now(), '{}')`,
  )
  await until(
    'it is buried',
    async () => (await metric(program, 'latchkey_dead_letters_total{group="directory"}')) === 1,
  )
  const { body, status, headers } = await ask(`${program.url}/metrics`, { token: '' })
  expect([status, headers['content-type']]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8'])
  const text = String(body)
  const {
    eventsPublished: _published,
    outboxWaiting: _waiting,
    outboxAge: _age,
    outboxRefused: _refused,
    certificateRemaining: _remaining,
    ...here
  } = metrics
  const names = Object.values(here).map(({ name, kind }) => {
    const written = name.replaceAll('.', '_')
    return kind === 'counter' ? `${written}_total` : kind === 'histogram' ? `${written}_bucket` : written
  })
  expect(names.filter((name) => !new RegExp(`^${name}[{ ]`, 'm').test(text))).toEqual([])
  const [, , kid = '', secret = ''] = key.split('_')
  const words = [
    'acme',
    'initech',
    'grace',
    'quickstart',
    grace.id,
    kid,
    secret,
    other.key,
    ...[scimBaseUrl, other.base].map((base) => base.split('/').at(-1) ?? ''),
  ]
  expect(words.filter((word) => text.includes(word))).toEqual([])
  expect(await metric(program, 'latchkey_audit_dropped_total')).toBe(0)
  await program.stop()
})

test('metrics count a bulk request as one, and its operations beside', async () => {
  const program = await ground.start(ground.folder())
  const counted = async (series: string): Promise<number> => {
    const { body } = await ask(`${program.url}/metrics`, { token: '' })
    const lines = String(body)
      .split('\n')
      .filter((line) => line.startsWith(series))
    return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)
  }
  const all = () =>
    Promise.all(
      ['latchkey_bulk_operations_total{', 'latchkey_requests_total{', 'http_server_request_duration_count{'].map(
        counted,
      ),
    )
  const before = await all()
  const create = (bulkId: string) => ({ method: 'POST', path: '/Users', bulkId, data: newUser('metered') })
  const { status } = await ask(`${program.scimBaseUrl}/Bulk`, {
    token: program.key,
    body: {
      schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'],
      Operations: [create('once'), create('twice'), { method: 'GET', path: '/Users' }],
    },
  })
  expect(status).toBe(200)
  expect(await all()).toEqual(before.map((count, index) => count + (index === 0 ? 3 : 1)))
  await program.stop()
})
