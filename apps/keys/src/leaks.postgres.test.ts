import { randomUUID } from 'node:crypto'
import { adminTokenFormat, keyFormat, mintAdminToken, mintKey } from '#libs/credentials/index'
import { withOtherSecret } from '#test/changed-key'
import { adminToken } from '#test/keys-service'
import { adminApi } from '#test/keys-admin-api'
import { waitsForALock } from '#test/servers/locks'
import type { Answer } from '#test/world'
import { lockConnection, removeConnection } from './store/connections.ts'

const { ask, decided, events, given, newConnection, newTenant, service } = adminApi()

describe('a report of leaked keys', () => {
  async function report(body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    const answer = await fetch(`${service().url}/leaks`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'user-agent': 'keys-test/1', ...headers },
      body: JSON.stringify(body),
    })
    return { status: answer.status, headers: answer.headers, body: await answer.json() }
  }
  const minted = async (tenant?: string): Promise<{ kid: string; key: string; connection: string; tenant: string }> => {
    const { id } = await newConnection('live', tenant)
    return (await ask('POST', `/connections/${id}/keys`)).body
  }

  test('revokes each key that proves itself, once, by whoever holds it, and tells nothing of any other', async () => {
    const [one, two] = [await minted(), await minted()]
    const forged = mintKey('live')
    const halfRight = `${one.key.slice(0, 20)}_${forged.secret}`
    const relabelled = `${halfRight}_${'0'.repeat(6)}`
    expect(await report({ keys: [one.key, ` ${two.key}\n`, forged.text, relabelled, 'nonsense'] })).toMatchObject({
      status: 200,
      body: {
        results: [
          { kid: one.kid, outcome: 'revoked' },
          { kid: two.kid, outcome: 'revoked' },
          ...Array.from({ length: 3 }, () => ({ kid: null, outcome: 'not a key of this installation' })),
        ],
      },
    })
    expect((await report([{ token: one.key, type: 'latchkey', url: 'https://example.com/x' }])).body.results).toEqual([
      { kid: one.kid, outcome: 'revoked before' },
    ])
    for (const { kid } of [one, two]) {
      expect(await events(`name = 'key.revoked' AND subject = $1`, [kid])).toHaveLength(1)
    }
  })

  /** The report, made while another transaction holds what `sql` locks, and does not let go before it is answered. */
  async function whileHeld(sql: string, values: readonly unknown[], keys: string[]): Promise<Answer> {
    return service().database.transaction(async (transaction) => {
      await transaction.query(sql, values)
      return report({ keys })
    })
  }

  test('waits for no other key of the connection that has ended, and for one that lives', async () => {
    const ended = await minted()
    await ask('POST', `/keys/${ended.kid}/revoke`)
    const { kid, key } = (await ask('POST', `/connections/${ended.connection}/keys`)).body
    const hold = 'SELECT FROM keys.provisioning_key WHERE kid = $1 FOR UPDATE'
    expect((await whileHeld(hold, [ended.kid], [key])).body.results).toEqual([{ kid, outcome: 'revoked' }])
    const living = [await minted(), await minted()] as const
    const reporting = await service().database.transaction(async (transaction) => {
      await transaction.query(hold, [living[0].kid])
      const answered = report({ keys: living.map((one) => one.key) })
      await waitsForALock(service().database)
      return { answered }
    })
    expect((await reporting.answered).body.results).toMatchObject(
      living.map((one) => ({ kid: one.kid, outcome: 'revoked' })),
    )
  })

  test('of keys that are all revoked waits for nobody who holds them, and its record names what it was about', async () => {
    const ended = await minted()
    await ask('POST', `/keys/${ended.kid}/revoke`)
    const hold = 'SELECT FROM keys.connection WHERE id = $1 FOR UPDATE'
    const [record, ...others] = await decided(async () => {
      const { body } = await whileHeld(hold, [ended.connection], [ended.key])
      expect(body.results).toEqual([{ kid: ended.kid, outcome: 'revoked before' }])
    })
    const { tenant, connection, kid } = ended
    expect([record, others]).toMatchObject([
      { outcome: 'accepted', tenant, connection, subject: { kind: 'key', id: kid }, changed: [], events: [] },
      [],
    ])
  })

  test('of admin tokens alone asks nothing of connections, keys and their next looks', async () => {
    const { id, token } = (await ask('POST', '/tokens', { name: 'Leaked alone', scopes: ['tenants:read'] })).body
    const lock = 'LOCK TABLE keys.connection, keys.provisioning_key, keys.next_look IN ACCESS EXCLUSIVE MODE'
    expect((await whileHeld(lock, [], [token])).body.results).toEqual([{ kid: null, token: id, outcome: 'revoked' }])
  })

  test('revokes an admin token that proves itself, and it is refused from then on', async () => {
    const made = await ask('POST', '/tokens', { name: 'Leaked', scopes: ['tenants:read'] })
    const { id, token } = made.body
    const use = () => fetch(`${service().url}/admin/v1/tenants`, { headers: { authorization: `Bearer ${token}` } })
    expect((await use()).status).toBe(200)
    const { key, kid } = await minted()
    const none = { kid: null, outcome: 'not a key of this installation' }
    expect((await report({ keys: [mintAdminToken().text, withOtherSecret(token)] })).body.results).toEqual([none, none])
    expect((await report({ keys: [token, key] })).body.results).toEqual([
      { kid: null, token: id, outcome: 'revoked' },
      { kid, outcome: 'revoked' },
    ])
    expect((await use()).status).toBe(401)
    expect((await report({ keys: [token] })).body.results).toEqual([
      { kid: null, token: id, outcome: 'revoked before' },
    ])
    expect(await events(`name = 'admin-token.revoked' AND subject = $1`, [id])).toHaveLength(1)
  })

  test('of the token of the data folder says that it is replaced in its file, and the record names it', async () => {
    const { kid, key } = await minted()
    const told = { kid: null, token: adminToken.split('_')[1], outcome: 'not revocable: replace it in its file' }
    const none = { kid: null, outcome: 'not a key of this installation' }
    expect((await report({ keys: [withOtherSecret(adminToken)] })).body.results).toEqual([none])
    expect((await report({ keys: [adminToken] })).body.results).toEqual([told])
    expect((await report({ keys: [key, adminToken] })).body.results).toEqual([{ kid, outcome: 'revoked' }, told])
    expect((await ask('GET', '/tenants')).status).toBe(200)
    const bootstrap = { kind: 'admin-token', id: 'bootstrap' }
    const named = `name = 'request.decided' AND payload::jsonb -> 'subject' = $1::jsonb`
    expect(await events(named, [JSON.stringify(bootstrap)])).toHaveLength(1)
  })

  test('by the id of a key with another secret revokes nothing', async () => {
    const { kid, key } = await minted()
    expect((await report({ keys: [withOtherSecret(key)] })).body.results).toEqual([
      { kid: null, outcome: 'not a key of this installation' },
    ])
    expect(await events(`name = 'key.revoked' AND subject = $1`, [kid])).toEqual([])
  })

  test('is recorded, and no record, answer or log repeats a key', async () => {
    const { kid, key } = await minted()
    const { body } = await report({ keys: [key] })
    const [record] = await events(
      `name = 'request.decided' AND payload LIKE '%keys.report-leak%' AND payload LIKE '%' || $1 || '%'`,
      [kid],
    )
    expect(record?.payload).toMatchObject({
      outcome: 'accepted',
      subject: { kind: 'key', id: kid },
      changed: ['state'],
    })
    expect(JSON.stringify([record, body, service().failures])).not.toContain(key.split('_')[3])
  })

  test('is recorded for each tenant whose keys it names, with what was done there, within the record of the whole', async () => {
    const [acme, globex] = [await newTenant(), await newTenant()]
    const [one, two, other] = [await minted(acme), await minted(acme), await minted(globex)]
    const token = (await ask('POST', '/tokens', { name: 'Of all', scopes: ['tenants:read'] })).body.token
    const records = await decided(() => report({ keys: [one.key, other.key, token, two.key] }))
    const revoked = async (kids: string[]) =>
      (await events(`name = 'key.revoked' AND subject = ANY($1)`, [kids])).map(({ id }) => id)
    const [whole, ...shares] = records.toSorted(
      (a, b) => Number(a.within !== undefined) - Number(b.within !== undefined),
    )
    expect(whole).toMatchObject({ tenant: null, connection: null, subject: null, changed: ['state'] })
    expect(whole?.events).toHaveLength(4)
    const within = whole?.requestId
    const of = { within, surface: 'admin', operation: 'keys.report-leak', changed: ['state'], environment: 'live' }
    expect(shares).toHaveLength(2)
    expect(shares).toContainEqual(
      expect.objectContaining({
        ...of,
        tenant: acme,
        connection: null,
        subject: null,
        address: '127.0.0.1',
        events: await revoked([one.kid, two.kid]),
      }),
    )
    expect(shares).toContainEqual(
      expect.objectContaining({
        ...of,
        tenant: globex,
        connection: other.connection,
        subject: { kind: 'key', id: other.kid },
        events: await revoked([other.kid]),
      }),
    )
  })

  test('that names keys of one tenant leaves one record, of that tenant', async () => {
    const tenant = await newTenant()
    const [one, two] = [await minted(tenant), await minted(tenant)]
    const records = await decided(() => report({ keys: [one.key, two.key] }))
    expect(records).toMatchObject([{ tenant, connection: null, environment: 'live', subject: null }])
    expect(records[0]?.within).toBeUndefined()
  })

  test('revokes the other keys where a connection is deleted meanwhile', async () => {
    const [going, staying] = [await minted(), await minted()]
    const hold = `SELECT FROM keys.connection WHERE id = $1 FOR UPDATE`
    const { reporting } = await service().parts.entities.transaction(async (manager) => {
      await manager.query(hold, [going.connection])
      const reported = report({ keys: [going.key, staying.key] })
      await waitsForALock(service().database)
      const connection = await lockConnection(manager, going.connection)
      if (connection !== undefined) await removeConnection(manager, connection, given.now)
      return { reporting: reported }
    })
    expect(await reporting).toMatchObject({
      status: 200,
      body: {
        results: [
          { kid: going.kid, outcome: 'revoked before' },
          { kid: staying.kid, outcome: 'revoked' },
        ],
      },
    })
  })

  test.each([{}, { keys: [] }, [], { keys: Array.from({ length: 101 }, () => 'x') }, { keys: [7] }])(
    'that is none is refused: %#',
    async (body) => {
      expect(await report(body)).toMatchObject({ status: 422 })
    },
  )

  test('the published pattern finds a key and no more', async () => {
    const answer = await fetch(`${service().url}/.well-known/latchkey-key-format`)
    const format: unknown = await answer.json()
    expect(format).toMatchObject({
      pattern: keyFormat.source,
      others: [{ pattern: adminTokenFormat.source }],
      report: '/leaks',
    })
    const { text } = mintKey('live')
    expect(`token="${text}";`.match(keyFormat)?.[0]).toBe(text)
    expect(`x${text}`.match(keyFormat)).toBeNull()
  })

  test('that proves no key waits in the queue of records like a read; one that proves a key is recorded with what it did', async () => {
    const { key } = await minted()
    given.queueIsFull = true
    expect(await report({ keys: [mintKey('live').text, 'nonsense'] })).toMatchObject({ status: 503 })
    expect(await report({ keys: [key] })).toMatchObject({ status: 200, body: { results: [{ outcome: 'revoked' }] } })
    given.queueIsFull = false
  })

  test('fills none of the Idempotency-Keys of operators', async () => {
    const [{ key }, again] = [await minted(), { 'idempotency-key': randomUUID() }]
    expect((await report({ keys: [key] }, again)).body.results).toMatchObject([{ outcome: 'revoked' }])
    expect((await report({ keys: [key] }, again)).body.results).toMatchObject([{ outcome: 'revoked before' }])
    expect((await report({ keys: ['nonsense'] }, again)).status).toBe(200)
    const made = await ask('POST', '/tokens', { name: 'After a report', scopes: ['keys:read'] }, again)
    expect(made.status).toBe(201)
  })
})
