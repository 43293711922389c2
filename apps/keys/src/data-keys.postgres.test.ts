import { Keyring } from '#libs/sealing/index'
import { adminApi } from '#test/keys-admin-api'
import { newKek } from '#test/keys-service'
import type { Told } from '#test/world'
import { waitsForALock } from '#test/servers/locks'
import { dataKeyOfTenant } from './tenant-data-key.ts'

describe('data keys', () => {
  const { ask, events, kek, newConnection, service } = adminApi()

  test('are moved to the present KEK by batches while everything runs, each told once, and open what they did', async () => {
    const hmac = { policy: { authentication: { method: 'signed', algorithm: 'hmac-sha256' } } }
    for (let made = 0; made < 3; made++) {
      const { id } = await newConnection('live')
      await ask('POST', `/connections/${id}/keys`, hmac)
    }
    const present = { kind: 'file', path: newKek() } as const
    const former = service().parts.keyring
    const { kek: before, all, outdated: none } = (await ask('GET', '/data-keys')).body
    expect([before, none]).toEqual([await former.status(), 0])
    const keyring = new Keyring(present, [{ kind: 'file', path: kek }], {})
    Object.assign(service().parts, { keyring })
    expect((await ask('GET', '/data-keys')).body).toEqual({ kek: await keyring.status(), all, outdated: all })
    const answers = []
    do answers.push((await ask('POST', '/data-keys/rewrap', { limit: 2 })).body)
    while (answers.at(-1).remaining > 0)
    expect(answers.length).toBe(Math.ceil(all / 2))
    expect((await ask('POST', '/data-keys/rewrap')).body).toMatchObject({ rewrapped: 0, remaining: 0 })
    const told = await events(`name = 'data-key.rewrapped'`)
    expect(told.map(({ version }) => version)).toEqual(told.map(() => 2))
    expect(new Set(told.map(({ subject }) => subject)).size).toBe(all)
    const alone = new Keyring(present, [], {})
    for (const {
      payload: { tenant, dataKey, ...wrapped },
    } of told)
      await alone.unwrap(wrapped, { tenant, dataKey })
  })

  test('stay as they are when the KEK that wrapped them cannot be had, and the answer says which', async () => {
    const { keyring } = service().parts
    const other = { kind: 'file', path: newKek() } as const
    Object.assign(service().parts, { keyring: new Keyring(other, [], {}) })
    const { status, body } = await ask('POST', '/data-keys/rewrap')
    Object.assign(service().parts, { keyring })
    expect([status, body.rewrapped]).toEqual([200, 0])
    expect(body.failed[0]).toMatchObject({
      fault: 'kek-missing',
      detail: expect.stringContaining('LATCHKEY_FORMER_KEKS'),
    })
    expect((await ask('GET', '/data-keys')).body.outdated).toBe(0)
  })

  test('are not gone through from a place that no batch has told', async () => {
    const place = (...parts: string[]) => Buffer.from(JSON.stringify(parts)).toString('base64url')
    for (const after of [place('acme'), place(), place('acme', 'id', 'more'), 'acme']) {
      const { status, body } = await ask('POST', '/data-keys/rewrap', { after })
      expect([status, body.errors]).toEqual([
        422,
        [{ pointer: '#/after', detail: expect.stringContaining('leave it out to begin anew') }],
      ])
    }
  })

  test('are destroyed with their tenant', async () => {
    const { id, tenant } = await newConnection('live')
    await ask('POST', `/connections/${id}/keys`, {
      policy: { authentication: { method: 'signed', algorithm: 'hmac-sha256' } },
    })
    await ask('DELETE', `/connections/${id}`)
    await ask('DELETE', `/tenants/${tenant}`)
    const told = await events(`name LIKE 'data-key.%' AND payload::jsonb ->> 'tenant' = $1`, [tenant])
    expect(told.map(({ name, version }) => [name, version])).toEqual([
      ['data-key.made', 1],
      ['data-key.destroyed', 2],
    ])
    expect(await service().database.query('SELECT FROM keys.data_key WHERE tenant = $1', [tenant])).toEqual([])
  })
})

describe('data keys that cannot be unwrapped', () => {
  const { ask, kek, newConnection, service } = adminApi()

  test('are named, and keep no other from being wrapped by the present KEK', async () => {
    const signed = { policy: { authentication: { method: 'signed', algorithm: 'hmac-sha256' } } }
    const tenants: string[] = []
    for (let made = 0; made < 4; made++) {
      const { id, tenant } = await newConnection('live')
      expect((await ask('POST', `/connections/${id}/keys`, signed)).status).toBe(201)
      tenants.push(tenant)
    }
    const [altered, missing, ...readable] = tenants.toSorted()
    await service().database.query(`UPDATE keys.data_key SET wrapped = reverse(wrapped) WHERE tenant = $1`, [altered])
    await service().database.query(`UPDATE keys.data_key SET kek_id = 'file:gone' WHERE tenant = $1`, [missing])
    const present = newKek()
    const keyring = new Keyring({ kind: 'file', path: present }, [{ kind: 'file', path: kek }], {})
    Object.assign(service().parts, { keyring })

    const batches: Told[] = []
    let after: string | undefined
    do {
      const { status, body } = await ask('POST', '/data-keys/rewrap', { limit: 2, ...(after && { after }) })
      expect(status).toBe(200)
      batches.push(body)
      after = body.next
    } while (after !== undefined)
    expect(batches.map(({ rewrapped, remaining }) => [rewrapped, remaining])).toEqual([
      [0, 4],
      [2, 2],
    ])
    expect(batches.flatMap(({ failed }) => failed)).toEqual([
      expect.objectContaining({ tenant: altered, fault: 'unreadable' }),
      expect.objectContaining({ tenant: missing, fault: 'kek-missing' }),
    ])
    const { id } = await keyring.status()
    const wrapped = await service().database.query<{ tenant: string }>(
      'SELECT tenant FROM keys.data_key WHERE kek_id = $1 ORDER BY 1',
      [id],
    )
    expect(wrapped.map(({ tenant }) => tenant)).toEqual(readable)
  })
})

describe('a tenant that was deleted meanwhile', () => {
  const { ask, events, newConnection, service } = adminApi()

  test('has no data key made', async () => {
    const { id, tenant } = await newConnection('live')
    expect((await ask('DELETE', `/connections/${id}`)).status).toBe(204)
    expect((await ask('DELETE', `/tenants/${tenant}`)).status).toBe(204)
    await expect(dataKeyOfTenant(service().parts, tenant, undefined)).rejects.toMatchObject({ code: 'notFound' })
    expect(await service().database.query('SELECT FROM keys.data_key WHERE tenant = $1', [tenant])).toEqual([])
    expect(await events(`name LIKE 'data-key.%'`)).toEqual([])
  })
})

describe('a data key whose making meets with another transaction in a deadlock', () => {
  const { events, newConnection, service } = adminApi()

  test('is made all the same, and told once', async () => {
    const { tenant } = await newConnection('live')
    const { database, parts } = service()
    const held = Promise.withResolvers<void>()
    // This one looks for a deadlock so late that the making finds it, and is ended for it.
    const other = database.transaction(async (transaction) => {
      await transaction.query(`SET LOCAL deadlock_timeout = '60s'`)
      await transaction.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`keys data key of ${tenant}`])
      held.resolve()
      await waitsForALock(database)
      await transaction.query('SELECT FROM keys.tenant WHERE id = $1 FOR UPDATE', [tenant])
    })
    await held.promise
    const { id } = await dataKeyOfTenant(parts, tenant, undefined)
    await other
    expect(await database.query('SELECT id FROM keys.data_key WHERE tenant = $1', [tenant])).toEqual([{ id }])
    expect((await events(`name LIKE 'data-key.%'`)).map(({ name, subject }) => [name, subject])).toEqual([
      ['data-key.made', id],
    ])
  })
})
