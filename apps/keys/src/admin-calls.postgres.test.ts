import { randomUUID } from 'node:crypto'
import { adminApi } from '#test/keys-admin-api'
import type { Answer } from '#test/world'

const { ask, decided, events, given, newConnection, newTenant, service } = adminApi()

describe('the record of a call', () => {
  test('of a write stands in its own transaction and names its events', async () => {
    const { id, tenant } = await newConnection('live')
    let kid = ''
    const records = await decided(async () => {
      kid = (await ask('POST', `/connections/${id}/keys?x=1`)).body.kid
    })
    expect(records).toHaveLength(1)
    expect(records[0]).toMatchObject({
      surface: 'admin',
      operation: 'keys.mint',
      method: 'POST',
      path: `/admin/v1/connections/${id}/keys`,
      tenant,
      connection: id,
      environment: 'live',
      identityProvider: 'other',
      kid: null,
      address: '127.0.0.1',
      userAgent: 'keys-test/1',
      outcome: 'accepted',
      status: 201,
      subject: { kind: 'key', id: kid },
    })
    const rows = await service().database.query<{ xid: string; name: string }>(
      `SELECT xid::text, name FROM event_log.event WHERE id = ANY($1::uuid[]) OR subject = $2`,
      [records[0]?.events, records[0]?.requestId],
    )
    expect(rows.map((row) => row.name).sort()).toEqual(['key.minted', 'request.decided'])
    expect(new Set(rows.map((row) => row.xid)).size).toBe(1)
  })

  test.each<[string, number, string | null, () => Promise<Answer>]>([
    ['a read', 200, 'tenants.list', () => ask('GET', '/tenants')],
    ['a missing token', 401, 'tenants.list', () => ask('GET', '/tenants', undefined, { authorization: null })],
    [
      'a wrong token',
      401,
      'tenants.create',
      () => ask('POST', '/tenants', { name: 'X' }, { authorization: 'Bearer no' }),
    ],
    ['a broken rule', 422, 'tenants.create', () => ask('POST', '/tenants', { nom: 'X' })],
    ['broken JSON', 400, 'tenants.create', () => ask('POST', '/tenants', '{"name":')],
    ['a body too large', 413, 'tenants.create', () => ask('POST', '/tenants', { name: 'x'.repeat(70_000) })],
    ['something that is not there', 404, 'connections.read', () => ask('GET', '/connections/abcdefghijkmnpqr')],
    ['an unknown address', 404, null, () => ask('GET', '/nothing')],
    ['a wrong method', 405, null, () => ask('PUT', '/tenants', {})],
    [
      'a wrong content type',
      415,
      'tenants.create',
      () => ask('POST', '/tenants', 'name=X', { 'content-type': 'text/plain' }),
    ],
    [
      'an unusable Idempotency-Key',
      400,
      'tenants.create',
      () => ask('POST', '/tenants', { name: 'X' }, { 'idempotency-key': 'a b' }),
    ],
  ])('is left exactly once of %s', async (_, status, operation, call) => {
    let answer: Answer | undefined
    const records = await decided(async () => {
      answer = await call()
    })
    expect(answer?.status).toBe(status)
    expect(records).toHaveLength(1)
    expect(records[0]).toMatchObject({ status, operation, outcome: status < 400 ? 'accepted' : 'refused', events: [] })
    expect(records[0]?.detail).toBe(status < 400 ? null : answer?.body.detail)
  })

  const steps = async (call: () => Promise<unknown>): Promise<unknown[]> =>
    (await decided(call)).flatMap(({ steps: all }) => all.map(({ step, decision }) => `${step} ${decision}`))

  test('says that the admin token was passed of those alone that were asked for it', async () => {
    expect(await steps(() => ask('GET', '/tenants'))).toEqual(['admin-token passed', 'request passed'])
    expect(await steps(() => ask('POST', '/tenants', { nom: 'X' }))).toEqual(['admin-token passed', 'request refused'])
    expect(await steps(() => ask('GET', '/tenants', undefined, { authorization: 'Bearer no' }))).toEqual([
      'admin-token refused',
    ])
    const unasked: (() => Promise<unknown>)[] = [
      () => ask('GET', '/nothing', undefined, { authorization: 'Bearer no' }),
      () => ask('PUT', '/tenants', {}, { authorization: 'Bearer no' }),
      () => ask('POST', '/tenants', '{"name":', { authorization: 'Bearer no' }),
      () => ask('POST', '/tenants', { name: 'x'.repeat(70_000) }, { authorization: null }),
    ]
    for (const call of unasked) expect(await steps(call)).toEqual(['request refused'])
  })

  test('that cannot be kept turns the answer into 503, and a write needs no room in the queue', async () => {
    given.queueIsFull = true
    try {
      const { status, headers, body } = await ask('GET', '/tenants')
      expect(status).toBe(503)
      expect(headers.get('retry-after')).toBe('1')
      expect(body).not.toHaveProperty('items')
      expect((await ask('GET', '/tenants', undefined, { authorization: null })).status).toBe(503)
      expect((await ask('POST', '/tenants', { name: `Tenant ${randomUUID()}` })).status).toBe(201)
    } finally {
      given.queueIsFull = false
    }
  })

  test('goes on with the trace that the request came with', async () => {
    const traceId = 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'
    const [record] = await decided(() =>
      ask('GET', '/tenants', undefined, { traceparent: `00-${traceId}-bbbbbbbbbbbbbbbb-01` }),
    )
    expect(record?.traceId).toBe(traceId)
  })
})

describe('an Idempotency-Key', () => {
  test('gives the first answer again and does nothing twice', async () => {
    const headers = { 'idempotency-key': randomUUID() }
    const body = { name: `Tenant ${randomUUID()}` }
    const first = await ask('POST', '/tenants', body, headers)
    let second: Answer | undefined
    const records = await decided(async () => {
      second = await ask('POST', '/tenants', body, headers)
    })
    expect(second).toMatchObject({ status: 201, body: first.body })
    expect(records).toMatchObject([{ status: 201, tenant: first.body.id, events: [] }])
    expect(await events(`name = 'tenant.created' AND subject = $1`, [first.body.id])).toHaveLength(1)
  })

  test('also repeats the deletion of a tenant', async () => {
    const tenant = await newTenant()
    const headers = { 'idempotency-key': randomUUID() }
    expect((await ask('DELETE', `/tenants/${tenant}`, undefined, headers)).status).toBe(204)
    expect((await ask('DELETE', `/tenants/${tenant}`, undefined, headers)).status).toBe(204)
    expect((await ask('DELETE', `/tenants/${tenant}`)).status).toBe(404)
  })

  test('of another request is refused', async () => {
    const headers = { 'idempotency-key': randomUUID() }
    await ask('POST', '/tenants', { name: `Tenant ${randomUUID()}` }, headers)
    const other = await ask('POST', '/tenants', { name: `Tenant ${randomUUID()}` }, headers)
    expect(other).toMatchObject({ status: 422, body: { code: 'idempotencyKeyReused' } })
  })

  test('never brings a live key back, and brings a sandbox key back', async () => {
    for (const environment of ['live', 'sandbox'] as const) {
      const { id } = await newConnection(environment)
      const headers = { 'idempotency-key': randomUUID() }
      const first = await ask('POST', `/connections/${id}/keys`, undefined, headers)
      const second = await ask('POST', `/connections/${id}/keys`, undefined, headers)
      expect(second.status).toBe(201)
      const { key, ...rest } = first.body
      expect(second.body).toEqual(environment === 'live' ? rest : first.body)
      expect(second.body.keyShown).toBe(environment === 'live' ? 'once' : 'again')
      expect(key).toMatch(/^lk_/)
    }
  })

  test('of requests at the same time has one of them work', async () => {
    const headers = { 'idempotency-key': randomUUID() }
    const body = { name: `Tenant ${randomUUID()}` }
    const answers = await Promise.all(Array.from({ length: 10 }, () => ask('POST', '/tenants', body, headers)))
    const made = answers.filter((answer) => answer.status === 201)
    expect(made.length).toBeGreaterThan(0)
    expect(new Set(made.map((answer) => answer.body.id)).size).toBe(1)
    for (const answer of answers) if (answer.status !== 201) expect(answer.body.code).toBe('idempotencyKeyInUse')
  })

  test('is free again after a refusal and after 24 hours, when what it kept is removed', async () => {
    const headers = { 'idempotency-key': randomUUID() }
    expect((await ask('POST', '/tenants', { name: '' }, headers)).status).toBe(422)
    expect((await ask('POST', '/tenants', { name: `Tenant ${randomUUID()}` }, headers)).status).toBe(201)
    const earlier = given.now
    given.now = new Date(given.now.getTime() + 24 * 60 * 60 * 1000 + 1)
    try {
      expect((await ask('POST', '/tenants', { name: `Tenant ${randomUUID()}` }, headers)).status).toBe(201)
      const [left] = await service().database.query<{ count: number }>(
        'SELECT count(*)::int AS count FROM keys.answered WHERE expires_at <= $1',
        [given.now],
      )
      expect(left?.count).toBe(0)
    } finally {
      given.now = earlier
    }
  })
})

test('a list refuses a parameter that it does not know, and names those that it knows', async () => {
  const answer = await ask('GET', '/connections?tenant=globex')
  expect([answer.status, answer.body.code]).toEqual([400, 'badRequest'])
  expect(answer.body.detail).toContain('"tenant". Known are limit, after, deleted.')
  expect((await ask('GET', '/tenants?name=x&limit=1')).status).toBe(200)
  const { id } = await newConnection('live')
  expect((await ask('GET', `/connections/${id}?fields=name`)).body.detail).toContain('There are none at this address')
})
