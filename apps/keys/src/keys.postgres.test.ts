import { randomUUID } from 'node:crypto'
import { matches, readKey } from '#libs/credentials/index'
import { adminApi } from '#test/keys-admin-api'
import { until } from '#test/keys-service'

const { announced, ask, events, given, newConnection, service } = adminApi()

describe('keys', () => {
  test('a live key is answered once and never again, and its event proves it', async () => {
    const { id, tenant } = await newConnection('live')
    const minted = await ask('POST', `/connections/${id}/keys`)
    expect(minted.status).toBe(201)
    expect(minted.headers.get('cache-control')).toBe('no-store')
    expect(minted.body).toMatchObject({
      connection: id,
      tenant,
      environment: 'live',
      state: 'pending',
      keyShown: 'once',
    })
    expect(minted.body.scimBaseUrl).toBe(`${service().parts.publicUrl}/scim/v2/${id}`)
    const read = readKey(minted.body.key)
    if (read.kind === 'fault') throw new Error(read.fault)
    expect(read).toMatchObject({ kid: minted.body.kid, environment: 'live' })
    const [event] = await events(`name = 'key.minted' AND subject = $1`, [read.kid])
    expect(event).toMatchObject({ key: `${id}/${read.kid}`, version: 1 })
    const stored = { ...event?.payload, digest: Buffer.from(event?.payload.digest, 'base64url') }
    expect(matches(service().parts.peppers, stored, read.secret)).toBe(true)
    const listed = await ask('GET', `/connections/${id}/keys`)
    expect(listed.body.items).toHaveLength(1)
    expect(listed.body.items[0]).not.toHaveProperty('key')
  })

  test('a sandbox key is shown again until it is revoked', async () => {
    const { id } = await newConnection()
    const { body } = await ask('POST', `/connections/${id}/keys`)
    expect(body.key).toMatch(/^lk_test_/)
    expect((await ask('GET', `/connections/${id}/keys`)).body.items).toEqual([body])
    await ask('POST', `/keys/${body.kid}/revoke`)
    const [listed] = (await ask('GET', `/connections/${id}/keys`)).body.items
    expect(listed.state).toBe('revoked')
    expect(listed).not.toHaveProperty('key')
  })

  test('no more than two are accepted at a time, however many ask at once', async () => {
    const { id } = await newConnection()
    const answers = await Promise.all(Array.from({ length: 8 }, () => ask('POST', `/connections/${id}/keys`)))
    const statuses = answers.map((answer) => answer.status).sort()
    expect(statuses).toEqual([201, 201, 409, 409, 409, 409, 409, 409])
    const refused = answers.find((answer) => answer.status === 409)
    expect(refused?.body.detail).toContain('Revoke')
    const kid = answers.find((answer) => answer.status === 201)?.body.kid
    expect((await ask('POST', `/keys/${kid}/revoke`)).status).toBe(200)
    expect((await ask('POST', `/connections/${id}/keys`)).status).toBe(201)
  })

  test('revoking is told once, also when it is asked for twice at once', async () => {
    const { id } = await newConnection()
    const { body } = await ask('POST', `/connections/${id}/keys`)
    const answers = await Promise.all([1, 2, 3].map(() => ask('POST', `/keys/${body.kid}/revoke`)))
    for (const answer of answers) {
      expect(answer).toMatchObject({ status: 200, body: { kid: body.kid, state: 'revoked' } })
    }
    const told = await events(`name = 'key.revoked' AND subject = $1`, [body.kid])
    expect(told).toHaveLength(1)
    expect(told[0]).toMatchObject({ version: 2, payload: { connection: id, kid: body.kid } })
  })

  test('no secret reaches the event log, the store in clear, or what is logged', async () => {
    const { id } = await newConnection('live')
    const { body } = await ask('POST', `/connections/${id}/keys`, undefined, { 'idempotency-key': randomUUID() })
    await ask('GET', `/connections/${body.key}`)
    await ask('POST', `/keys/${body.key}/revoke`, undefined, { 'user-agent': body.key })
    await ask('GET', '/tenants', undefined, { authorization: `Bearer ${body.key}` })
    const read = readKey(body.key)
    if (read.kind === 'fault') throw new Error(read.fault)
    await events()
    for (const table of [
      'event_log.event',
      'keys.answered',
      'keys.provisioning_key',
      'keys.key_use',
      'keys.connection',
    ]) {
      const held = await service().database.query(`SELECT FROM ${table} AS row WHERE strpos(row::text, $1) > 0`, [
        read.secret,
      ])
      expect(held).toEqual([])
    }
    expect(JSON.stringify(service().failures)).not.toContain(read.secret)
  })
})

describe('the last use of a key', () => {
  const used = (connection: string, kid: string | null, receivedAt: string, userAgent: string): Promise<void> =>
    service().decide(connection, { kid, receivedAt, userAgent })

  test('is the latest that was proved, in whatever order they are heard of', async () => {
    const { id } = await newConnection()
    const { kid } = (await ask('POST', `/connections/${id}/keys`)).body
    const gone = await newConnection()
    const goneKid = (await ask('POST', `/connections/${gone.id}/keys`)).body.kid
    await ask('DELETE', `/connections/${gone.id}`)
    await used(gone.id, goneKid, '2026-03-01T09:03:00.000Z', 'too late')
    await used(id, kid, '2026-03-01T09:01:00.000Z', 'Okta SCIM Client 1.0.0')
    await used(id, kid, '2026-03-01T09:00:00.000Z', 'earlier')
    await used(id, null, '2026-03-01T09:02:00.000Z', 'not proved')
    const last = await newConnection()
    const lastKid = (await ask('POST', `/connections/${last.id}/keys`)).body.kid
    await used(last.id, lastKid, '2026-03-01T09:05:00.000Z', 'last')
    await until(
      () => listed(last.id),
      ({ lastUsed }) => lastUsed !== null,
    )
    expect(await listed(id)).toMatchObject({
      lastUsed: { at: '2026-03-01T09:01:00.000Z', address: '192.0.2.7', userAgent: 'Okta SCIM Client 1.0.0' },
    })
  })

  async function listed(connection: string): Promise<{ lastUsed: object | null }> {
    return (await ask('GET', `/connections/${connection}/keys`)).body.items[0]
  }
})

describe('the channel', () => {
  test('is told of a revocation and of a change of a connection, as the event log is, and of nothing else', async () => {
    const { id } = await newConnection()
    const { body: key } = await ask('POST', `/connections/${id}/keys`)
    announced.length = 0
    await ask('POST', `/keys/${key.kid}/revoke`)
    await ask('POST', `/keys/${key.kid}/revoke`)
    await ask('POST', `/connections/${id}/disable`)
    await ask('POST', `/connections/${id}/keys`)
    const logged = await events(
      `name IN ('key.revoked', 'connection.changed') AND payload::jsonb ->> 'connection' = $1`,
      [id],
    )
    expect(logged.map(({ name }) => name)).toEqual(['key.revoked', 'connection.changed'])
    expect(announced).toMatchObject(logged)
  })

  test('the caller is warned where nobody hears of it yet: of a revocation without Kafka and channel, of a new key without Kafka', async () => {
    const warned = async (path: string): Promise<boolean> =>
      (await ask('POST', path)).headers.get('latchkey-warning')?.includes('Kafka') ?? false
    const { id } = await newConnection()
    const revoke = async (): Promise<boolean> => {
      const { body } = await ask('POST', `/connections/${id}/keys`)
      return warned(`/keys/${body.kid}/revoke`)
    }
    const warnings: boolean[][] = []
    for (const log of [true, false]) {
      for (const channel of [true, false]) {
        given.reached = { log, channel }
        warnings.push([await revoke(), await warned(`/connections/${id}/keys`)])
        const { body } = await ask('GET', `/connections/${id}/keys`)
        for (const { kid, state } of body.items) if (state === 'pending') await ask('POST', `/keys/${kid}/revoke`)
      }
    }
    given.reached = { log: true, channel: true }
    expect(warnings).toEqual([
      [false, false],
      [false, false],
      [false, true],
      [true, true],
    ])
  })

  test('is not told of what was rolled back', async () => {
    const { id, tenant } = await newConnection()
    const { body: taken } = await ask('POST', `/tenants/${tenant}/connections`, { name: 'taken' })
    announced.length = 0
    expect((await ask('PATCH', `/connections/${id}`, { name: taken.name })).status).toBe(409)
    expect(announced).toEqual([])
  })
})
