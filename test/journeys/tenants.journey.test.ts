import { Agent, request as httpRequest } from 'node:http'
import { text } from 'node:stream/consumers'
import { allOf, type Connection, eventually, group, patch, enterWorld, user, type World } from '../world.ts'

let world: World
beforeAll(async () => {
  world = await enterWorld()
})
afterAll(() => world.stop())

const status = (wanted: number) => (answer: { status: number }) => answer.status === wanted

describe('400 mixed requests of two tenants at 16 connections', () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 16 })
  let tenants: [Connection, Connection]
  const made = { users: [[], []] as [string[], string[]], groups: [[], []] as [string[], string[]] }
  const answered: { of: 0 | 1; method: string; path: string; status: number; body: string }[] = []

  /** Names are the same in both tenants, so that only the connection tells them apart; what is written says whose it is. */
  beforeAll(async () => {
    tenants = [await world.connection('okta'), await world.connection('entra')]
    for (const of of [0, 1] as const) {
      for (let index = 0; index < 20; index++)
        made.users[of].push(await id(of, 'POST', '/Users', user(`user.${index}`, { title: `of ${of}` })))
      for (let index = 0; index < 4; index++)
        made.groups[of].push(await id(of, 'POST', '/Groups', { ...group(`group.${index}`), externalId: `of ${of}` }))
    }
    answered.length = 0
    await allOf(Array.from({ length: 400 }), (_, index) => mixed(index), 16)
  })
  afterAll(() => agent.destroy())

  async function mixed(index: number): Promise<void> {
    const of = index % 2 === 0 ? 0 : 1
    const turn = index >> 1
    const someone = made.users[of][turn % 20] ?? ''
    const somewhere = made.groups[of][turn % 4] ?? ''
    const title = `of ${of}`
    switch (turn % 8) {
      case 0:
        return void (await send(of, 'POST', '/Users', user(`new.${turn}`, { title })))
      case 1:
        return void (await send(
          of,
          'PATCH',
          `/Users/${someone}`,
          patch({ op: 'replace', path: 'displayName', value: `${title} at ${turn}` }),
        ))
      case 2:
        return void (await send(of, 'PUT', `/Users/${someone}`, user(`put.${turn}`, { title })))
      case 3:
        return void (await send(of, 'GET', '/Users?filter=userName sw "user."&count=200'))
      case 4:
        return void (await send(
          of,
          'PATCH',
          `/Groups/${somewhere}`,
          patch({ op: 'add', path: 'members', value: [{ value: someone }] }),
        ))
      case 5:
        return void (await send(
          of,
          'DELETE',
          `/Users/${await id(of, 'POST', '/Users', user(`short.${turn}`, { title }))}`,
        ))
      case 6:
        return void (await send(of, 'POST', '/Groups', { ...group(`new.${turn}`, [someone]), externalId: title }))
      default:
        return void (await send(of, 'GET', `/Groups/${somewhere}`))
    }
  }

  async function id(of: 0 | 1, method: string, path: string, body: object): Promise<string> {
    return JSON.parse((await send(of, method, path, body)).body).id
  }

  function send(of: 0 | 1, method: string, path: string, body?: object): Promise<(typeof answered)[number]> {
    const { scimBaseUrl, key } = tenants[of]
    const { hostname, port, pathname } = new URL(scimBaseUrl)
    const headers = {
      authorization: `Bearer ${key}`,
      'content-type': 'application/scim+json',
      'user-agent': `of ${of}`,
    }
    const { promise, resolve, reject } = Promise.withResolvers<(typeof answered)[number]>()
    const outgoing = httpRequest(
      { agent, hostname, port, method, path: pathname + encodeURI(path), headers },
      (answer) => {
        text(answer).then((read) => {
          const one = { of, method, path, status: answer.statusCode ?? 0, body: read }
          answered.push(one)
          resolve(one)
        }, reject)
      },
    )
    outgoing.on('error', reject).end(body === undefined ? undefined : JSON.stringify(body))
    return promise
  }

  test('every one succeeds, and no answer holds anything of the other tenant', () => {
    expect(answered.length).toBeGreaterThanOrEqual(400)
    expect(answered.filter(({ status: one }) => one >= 300)).toEqual([])
    for (const { of, body } of answered) {
      expect(body).not.toContain(`"of ${1 - of}`)
      expect(body).not.toContain(tenants[1 - of]?.id)
    }
  })

  test('not one record is under the wrong tenant', async () => {
    for (const [of, connection] of tenants.entries()) {
      const users = await world.query('SELECT document FROM gateway.scim_user WHERE connection = $1', [connection.id])
      expect(users.length).toBeGreaterThanOrEqual(45)
      expect(new Set(users.map(({ document }) => document.title))).toEqual(new Set([`of ${of}`]))
      const groups = await world.query('SELECT document FROM gateway.scim_group WHERE connection = $1', [connection.id])
      expect(new Set(groups.map(({ document }) => document.externalId))).toEqual(new Set([`of ${of}`]))
    }
    const foreign = await world.query(
      `SELECT m.* FROM gateway.membership m
       WHERE m.connection = ANY($1)
         AND (NOT EXISTS (SELECT FROM gateway.scim_user u WHERE u.connection = m.connection AND u.id::text = m.member_id)
           OR NOT EXISTS (SELECT FROM gateway.scim_group g WHERE g.connection = m.connection AND g.id = m.group_id))`,
      [tenants.map(({ id }) => id)],
    )
    expect(foreign).toEqual([])
  })

  test('not one event is under the wrong tenant', async () => {
    const events = await world.events()
    const ofTenants = events.filter(({ payload }) => tenants.some(({ tenant }) => tenant === payload.tenant))
    for (const { name, key, subject, payload } of ofTenants) {
      const of = tenants.findIndex(({ tenant }) => tenant === payload.tenant)
      const connection = tenants[of]?.id
      if (payload.surface !== 'admin' && !name.startsWith('tenant.')) expect(payload.connection).toBe(connection)
      if (/^(user|group)\./.test(name)) {
        expect(key).toBe(`${connection}/${subject}`)
        expect(payload.person?.title ?? payload.group?.externalId ?? `of ${of}`).toBe(`of ${of}`)
      }
    }
    expect(ofTenants.length).toBeGreaterThan(600)
  })

  test('not one directory row is under the wrong tenant, and none is missing', async () => {
    for (const [of, connection] of tenants.entries()) {
      const expected = (
        await world.query('SELECT id FROM gateway.scim_user WHERE connection = $1 ORDER BY id', [connection.id])
      ).map((row) => row.id)
      const people = await eventually(
        async () => (await world.directory(`/${connection.id}/users?limit=200`)).body.items,
        (items) => items.length === expected.length,
      )
      expect(people.map((person: { id: string }) => person.id)).toEqual(expected)
      for (const person of people)
        expect(person).toMatchObject({ tenant: connection.tenant, connection: connection.id, title: `of ${of}` })
    }
  })

  test('every request has one audit record, and not one is under the wrong tenant', async () => {
    for (const [of, connection] of tenants.entries()) {
      const expected = answered.filter((one) => one.of === of).length + 24
      const records = await eventually(
        async () =>
          (await world.audit({ tenant: connection.tenant, surface: 'scim' })).filter(({ userAgent }) =>
            userAgent.startsWith('of'),
          ),
        (found) => found.length >= expected,
      )
      expect(records).toHaveLength(expected)
      for (const record of records)
        expect(record).toMatchObject({
          connection: connection.id,
          kid: connection.kid,
          userAgent: `of ${of}`,
          outcome: 'accepted',
        })
    }
  })

  test('ids of the other tenant are 404, whatever is asked of them, and its key is 403', async () => {
    const [ours, theirs] = tenants
    const scim = world.scim(ours)
    const [theirUser = ''] = made.users[1]
    const [theirGroup = ''] = made.groups[1]
    const before = (await world.scim(theirs)('GET', `/Users/${theirUser}`)).body
    for (const [method, path, body] of [
      ['GET', `/Users/${theirUser}`, undefined],
      ['PUT', `/Users/${theirUser}`, user('mine')],
      ['PATCH', `/Users/${theirUser}`, patch({ op: 'replace', path: 'title', value: 'mine' })],
      ['DELETE', `/Users/${theirUser}`, undefined],
      ['GET', `/Groups/${theirGroup}`, undefined],
      ['PATCH', `/Groups/${theirGroup}`, patch({ op: 'replace', path: 'members', value: [] })],
      ['DELETE', `/Groups/${theirGroup}`, undefined],
    ] as const) {
      expect(await scim(method, path, body)).toMatchObject({ status: 404, body: { status: '404' } })
    }
    expect((await scim('GET', `/Users?filter=id eq "${theirUser}"`)).body.totalResults).toBe(0)
    expect((await world.directory(`/${ours.id}/users/${theirUser}`)).status).toBe(404)
    // As a member it is an id that nobody knows.
    const { body } = await scim('POST', '/Groups', group('theirs', [theirUser]))
    expect(body.members).toEqual([{ value: theirUser }])
    expect(await world.scim({ ...theirs, key: ours.key })('GET', '/Users')).toMatchObject({ status: 403 })
    expect((await world.scim(theirs)('GET', `/Users/${theirUser}`)).body).toEqual(before)
  })
})

describe('keys', () => {
  test('a key that is minted works soon, one that is revoked is refused soon, and the other one goes on', async () => {
    const connection = await world.connection('okta')
    const { body: second } = await world.admin('POST', `/connections/${connection.id}/keys`)
    const scim = world.scim({ ...connection, key: second.key })
    await eventually(() => scim('GET', '/Users'), status(200))
    expect((await world.admin('POST', `/connections/${connection.id}/keys`)).status).toBe(409)
    expect(await world.admin('POST', `/keys/${second.kid}/revoke`)).toMatchObject({
      status: 200,
      body: { state: 'revoked' },
    })
    const { body } = await eventually(() => scim('GET', '/Users'), status(401))
    expect(body.detail).toMatch(/revoked/)
    expect((await world.scim(connection)('GET', '/Users')).status).toBe(200)
  })

  test('the key alone, without a scheme, is accepted', async () => {
    const connection = await world.connection('okta', { environment: 'sandbox' })
    expect(connection.key).toMatch(/^lk_test_/)
    expect((await world.scim(connection)('GET', '/Users', undefined, { authorization: connection.key })).status).toBe(
      200,
    )
    expect(
      (await world.scim(connection)('GET', '/Users', undefined, { authorization: `bearer   ${connection.key}` }))
        .status,
    ).toBe(200)
  })

  test('a disabled connection is refused until it is enabled again', async () => {
    const connection = await world.connection('entra')
    const scim = world.scim(connection)
    await world.admin('POST', `/connections/${connection.id}/disable`)
    await eventually(() => scim('GET', '/Users'), status(403))
    expect(await scim('POST', '/Users', user('late'))).toMatchObject({ status: 403, body: { status: '403' } })
    await world.admin('PATCH', `/connections/${connection.id}`, { state: 'enabled' })
    await eventually(() => scim('GET', '/Users'), status(200))
    expect((await scim('POST', '/Users', user('late'))).status).toBe(201)
  })

  test('the last use of a key is shown where keys are listed', async () => {
    const connection = await world.connection('google')
    await world.scim(connection)('GET', '/Users', undefined, { 'user-agent': 'Google-Auto-Provisioning' })
    const { body } = await eventually(
      () => world.admin('GET', `/connections/${connection.id}/keys`),
      (read) => read.body.items[0].lastUsed?.userAgent === 'Google-Auto-Provisioning',
    )
    expect(body.items).toMatchObject([{ kid: connection.kid, lastUsed: { address: '127.0.0.1' } }])
    expect(JSON.stringify(body)).not.toContain(connection.key)
  })

  test('a deleted connection is gone: its key is refused, its directory is empty, and what it brought is kept by the gateway alone', async () => {
    const connection = await world.connection('okta')
    const scim = world.scim(connection)
    const { body: one } = await scim('POST', '/Users', user('gone'))
    await scim('POST', '/Groups', group('gone', [one.id]))
    await eventually(
      () => world.directory(`/${connection.id}/users`),
      ({ body }) => body.items.length === 1,
    )
    const { headers } = await world.admin('GET', `/connections/${connection.id}`)
    const stale = await world.admin('DELETE', `/connections/${connection.id}`, undefined, { 'if-match': '"7"' })
    expect(stale.body.code).toBe('preconditionFailed')
    expect((await scim('GET', '/Users')).status).toBe(200)
    const tagged = { 'if-match': headers.get('etag') ?? '' }
    expect((await world.admin('DELETE', `/connections/${connection.id}`, undefined, tagged)).status).toBe(204)
    const refused = await eventually(() => scim('GET', '/Users'), status(401))
    expect(refused.body.detail).toContain('This key has been revoked.')
    for (const kind of ['users', 'groups']) {
      await eventually(
        () => world.directory(`/${connection.id}/${kind}`),
        ({ body }) => body.items.length === 0,
      )
    }
    await eventually(
      () => world.query('SELECT FROM gateway.known_connection WHERE connection = $1', [connection.id]),
      (left) => left.length === 0,
    )
    expect((await scim('GET', '/Users')).body.detail).toContain('This key has been revoked.')
    for (const table of ['scim_user', 'scim_group', 'membership']) {
      expect(await world.query(`SELECT FROM gateway.${table} WHERE connection = $1`, [connection.id])).toHaveLength(1)
    }
    expect((await world.gatewayAdmin('GET', `/connections/${connection.id}/deleted`)).status).toBe(404)
    expect((await world.admin('GET', `/connections/${connection.id}`)).status).toBe(404)
    const events = await world.events(connection.id)
    expect(events.filter(({ name }) => name === 'connection.deleted')).toMatchObject([
      { payload: { tenant: connection.tenant, connection: connection.id } },
    ])
    const trail = await eventually(
      () => world.audit({ connection: connection.id }),
      (found) => found.some(({ operation }) => operation === 'connections.delete'),
    )
    expect(trail.map(({ operation }) => operation)).toEqual(expect.arrayContaining(['users.create', 'keys.mint']))
    expect(trail.find(({ operation, status: one }) => operation === 'connections.delete' && one === 204)).toMatchObject(
      {
        surface: 'admin',
        actor: 'bootstrap',
        address: '127.0.0.1',
      },
    )
  })

  test('a tenant is deleted once it has no connection, and its name is free', async () => {
    const connection = await world.connection('okta')
    const path = `/tenants/${connection.tenant}`
    const { name } = (await world.admin('GET', path)).body
    expect(await world.admin('DELETE', path)).toMatchObject({ status: 409, body: { code: 'conflict' } })
    expect((await world.admin('DELETE', `/connections/${connection.id}`)).status).toBe(204)
    expect((await world.admin('DELETE', path)).status).toBe(204)
    expect((await world.admin('GET', path)).status).toBe(404)
    await eventually(
      () => world.audit({ tenant: connection.tenant }),
      (found) => found.length > 0,
    )
    expect((await world.admin('POST', '/tenants', { name })).body.id).not.toBe(connection.tenant)
  })
})

test('a connection deleted in the middle of an import takes no more, and one of its name begins anew', async () => {
  const connection = await world.connection('okta')
  const ask = world.scim(connection)
  let refused = 0
  const importing = Array.from({ length: 16 }, async (_, lane) => {
    for (let number = 0; number < 200 && refused < 16; number++) {
      const { status } = await ask('POST', '/Users', user(`import${lane}.${number}@example.com`))
      if (status !== 201) refused++
    }
  })
  const users = () =>
    world.query('SELECT count(*)::int AS users FROM gateway.scim_user WHERE connection = $1', [connection.id])
  await eventually(users, ([row]) => row.users > 50)
  const { name } = (await world.admin('GET', `/connections/${connection.id}`)).body
  const byName = `/tenants/${connection.tenant}/connections/by-name/${encodeURIComponent(name)}`
  expect(await world.admin('DELETE', byName)).toMatchObject({ status: 204 })
  await Promise.all(importing)
  expect(refused).toBeGreaterThan(0)
  await eventually(
    () => world.query('SELECT FROM gateway.deleted_connection WHERE connection = $1', [connection.id]),
    (marks) => marks.length === 1,
  )
  const kept = await users()
  expect((await ask('POST', '/Users', user('too.late@example.com'))).status).toBe(401)
  expect(await users()).toEqual(kept)
  await eventually(
    () => world.directory(`/${connection.id}/users`),
    ({ body }) => body.items?.length === 0,
  )
  const again = await world.admin('PUT', byName, { environment: 'live' })
  expect([again.status, again.body.id === connection.id]).toEqual([201, false])
})

describe('the admin API', () => {
  test('a write repeated with its Idempotency-Key is done once', async () => {
    const connection = await world.connection('okta')
    const { body: first } = await world.admin(
      'POST',
      `/tenants/${connection.tenant}/connections`,
      { name: 'Once' },
      { 'idempotency-key': 'once' },
    )
    const again = await world.admin(
      'POST',
      `/tenants/${connection.tenant}/connections`,
      { name: 'Once' },
      { 'idempotency-key': 'once' },
    )
    expect(again).toMatchObject({ status: 201, body: first })
    expect((await world.admin('GET', `/tenants/${connection.tenant}/connections`)).body.items).toHaveLength(2)
    const other = await world.admin(
      'POST',
      `/tenants/${connection.tenant}/connections`,
      { name: 'Other' },
      { 'idempotency-key': 'once' },
    )
    expect(other.status).toBe(422)
    const keys = await allOf([1, 2, 3, 4], () =>
      world.admin('POST', `/connections/${first.id}/keys`, undefined, { 'idempotency-key': 'mint' }),
    )
    expect(new Set(keys.flatMap(({ status: one, body }) => (one === 201 ? [body.kid] : []))).size).toBe(1)
    expect((await world.admin('GET', `/connections/${first.id}/keys`)).body.items).toHaveLength(1)
  })

  test('a refusal is a problem with cause and fix', async () => {
    for (const [answer, code] of [
      [await world.admin('GET', '/tenants', undefined, { authorization: 'Bearer wrong' }), 401],
      [await world.admin('GET', '/tenants/nobody'), 404],
      [await world.admin('POST', '/tenants', { nome: 'x' }), 422],
      [await world.admin('POST', '/tenants', '{"name":'), 400],
      [await world.admin('PUT', '/tenants', { name: 'x' }), 405],
      [await world.admin('POST', '/tenants', { name: 'x'.repeat(2 * 1024 * 1024) }), 413],
      [await world.admin('GET', '/nothing'), 404],
    ] as const) {
      expect(answer).toMatchObject({
        status: code,
        body: { status: code, title: expect.any(String), code: expect.any(String) },
      })
      expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/)
      expect(JSON.stringify(answer.body)).not.toMatch(/node_modules|\.js:\d/)
    }
  })

  test('every call is in the audit trail', async () => {
    const marked = { 'user-agent': 'the trail' }
    const since = new Date().toISOString()
    const { body: tenant } = await world.admin('POST', '/tenants', { name: 'The trail' }, marked)
    const { body: connection } = await world.admin('POST', `/tenants/${tenant.id}/connections`, { name: 'c' }, marked)
    const { body: key } = await world.admin('POST', `/connections/${connection.id}/keys`, undefined, marked)
    await world.admin('GET', `/connections/${connection.id}/keys`, undefined, marked)
    await world.admin('GET', `/connections/${connection.id}`, undefined, marked)
    await world.admin('PATCH', `/connections/${connection.id}`, { name: 'd' }, marked)
    await world.admin('POST', `/keys/${key.kid}/revoke`, undefined, marked)
    await world.admin('POST', `/connections/${connection.id}/disable`, undefined, marked)
    await world.admin('GET', '/tenants', undefined, { ...marked, authorization: 'Bearer wrong' })
    await world.admin('POST', '/tenants', {}, marked)
    await world.admin('GET', '/nothing', undefined, marked)
    await world.admin('DELETE', `/connections/${connection.id}`, undefined, marked)
    await world.admin('DELETE', `/tenants/${tenant.id}`, undefined, marked)
    const trail = await eventually(
      async () => (await world.audit({ surface: 'admin', since })).filter(({ userAgent }) => userAgent === 'the trail'),
      (found) => found.length >= 13,
    )
    expect(trail.reverse().map((record) => [record.operation, record.status, record.tenant])).toEqual([
      ['tenants.create', 201, tenant.id],
      ['connections.create', 201, tenant.id],
      ['keys.mint', 201, tenant.id],
      ['keys.list', 200, tenant.id],
      ['connections.read', 200, tenant.id],
      ['connections.update', 200, tenant.id],
      ['keys.revoke', 200, tenant.id],
      ['connections.disable', 200, tenant.id],
      ['tenants.list', 401, null],
      ['tenants.create', 422, null],
      [null, 404, null],
      ['connections.delete', 204, tenant.id],
      ['tenants.delete', 204, tenant.id],
    ])
  })

  test('the directory and the audit trail want the admin token too', async () => {
    const { directoryUrl, auditUrl } = world
    for (const url of [`${directoryUrl}/directory/v1/x/users`, `${auditUrl}/audit/v1/records`]) {
      expect((await fetch(url)).status).toBe(401)
    }
  })
})
