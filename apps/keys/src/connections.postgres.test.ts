import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { mintAdminToken, mintKey } from '#libs/credentials/index'
import { defaultSettings } from '#libs/events/index'
import { adminApi } from '#test/keys-admin-api'
import { adminToken } from '#test/keys-service'

const { ask, decided, events, given, newConnection, newTenant, service } = adminApi()

describe('connections', () => {
  test('have no name that holds a key or an admin token, nor have tenants and admin tokens: it is refused, and nobody is told of it', async () => {
    const tenant = await newTenant()
    const { body: connection } = await ask('POST', `/tenants/${tenant}/connections`, { name: 'Named' })
    const { body: token } = await ask('POST', '/tokens', { name: 'named', scopes: ['keys:read'] })
    for (const secret of [mintKey('live').text, mintAdminToken().text]) {
      const name = `of ${secret}`
      const asked = [
        ask('POST', '/tenants', { name }),
        ask('PUT', `/tenants/${tenant}`, { name }),
        ask('POST', `/tenants/${tenant}/connections`, { name }),
        ask('PUT', `/tenants/${tenant}/connections/by-name/${secret}`, { environment: 'sandbox' }),
        ask('PATCH', `/connections/${connection.id}`, { name }),
        ask('POST', '/tokens', { name, scopes: ['keys:read'] }),
        ask('PATCH', `/tokens/${token.id}`, { name }),
      ]
      for (const { status, body } of await Promise.all(asked)) {
        expect([status, body.errors]).toEqual([422, [expect.objectContaining({ pointer: '#/name' })]])
        expect(JSON.stringify(body)).not.toContain(secret)
      }
      expect(JSON.stringify(await events())).not.toContain(secret)
    }
  })

  test('are sandbox and of an unknown identity provider unless told, and name their SCIM address', async () => {
    const tenant = await newTenant()
    const { status, body } = await ask('POST', `/tenants/${tenant}/connections`, { name: 'Workforce' })
    expect(status).toBe(201)
    expect(body).toMatchObject({
      tenant,
      environment: 'sandbox',
      identityProvider: 'other',
      state: 'enabled',
      schemas: [],
    })
    expect(body.settings).toEqual(defaultSettings)
    expect(body.scimBaseUrl).toBe(`${service().parts.publicUrl}/scim/v2/${body.id}`)
    expect(body.id).toMatch(/^[a-z2-9]{16}$/)
    expect((await ask('GET', `/connections/${body.id}`)).body).toEqual(body)
    expect((await ask('GET', `/tenants/${tenant}/connections`)).body).toEqual({ items: [body] })
    const [created] = await events(`name = 'connection.created' AND subject = $1`, [body.id])
    expect(created).toMatchObject({
      key: `${tenant}/${body.id}`,
      version: 1,
      payload: { connection: body.id, name: 'Workforce' },
    })
  })

  test('change by their own versions, and a change that changes nothing is told to nobody', async () => {
    const { id } = await newConnection()
    const changed = await ask('PATCH', `/connections/${id}`, { name: 'Entra', identityProvider: 'entra' })
    expect(changed).toMatchObject({ status: 200, body: { name: 'Entra', identityProvider: 'entra' } })
    expect((await ask('POST', `/connections/${id}/disable`)).body.state).toBe('disabled')
    expect((await ask('POST', `/connections/${id}/disable`)).body.state).toBe('disabled')
    expect((await ask('PATCH', `/connections/${id}`, { state: 'enabled' })).body.state).toBe('enabled')
    const told = await events(`subject = $1 AND name LIKE 'connection.%'`, [id])
    expect(told.map((event) => [event.version, event.payload.changed])).toEqual([
      [1, undefined],
      [2, ['name', 'identityProvider']],
      [3, ['state']],
      [4, ['state']],
    ])
  })

  test('have settings, of which a change may name some', async () => {
    const tenant = await newTenant()
    const made = await ask('POST', `/tenants/${tenant}/connections`, { name: 'Set', settings: { patchAnswer: 'none' } })
    expect(made).toMatchObject({ status: 201, body: { settings: { ...defaultSettings, patchAnswer: 'none' } } })
    const { id } = made.body
    const settings = { conflicts: 'adopt', adoptBy: ['emails', 'userName'] }
    const changed = await ask('PATCH', `/connections/${id}`, { settings })
    const whole = { ...defaultSettings, patchAnswer: 'none', ...settings }
    expect(changed).toMatchObject({ status: 200, body: { settings: whole } })
    expect((await ask('GET', `/connections/${id}`)).body).toEqual(changed.body)
    const [created, told] = await events(`subject = $1 AND name LIKE 'connection.%'`, [id])
    expect(created?.payload.settings).toEqual({ ...defaultSettings, patchAnswer: 'none' })
    expect(told?.payload).toMatchObject({ settings: whole, changed: ['settings.conflicts', 'settings.adoptBy'] })
    for (const [wrong, pointer] of [
      [{ adoptBy: [] }, '#/settings/adoptBy'],
      [{ adoptBy: ['emails', 'emails'] }, '#/settings/adoptBy'],
      [{ adopt: true }, '#/settings'],
    ] as const) {
      const refused = await ask('PATCH', `/connections/${id}`, { settings: wrong })
      expect(refused).toMatchObject({ status: 422, body: { errors: [{ pointer }] } })
    }
  })

  test('keep their environment', async () => {
    const { id } = await newConnection()
    const { status, body } = await ask('PATCH', `/connections/${id}`, { environment: 'live' })
    expect(status).toBe(422)
    expect(body.errors).toEqual([{ pointer: '#/environment', detail: expect.stringContaining('never changes') }])
  })

  test('faults are all named with their places', async () => {
    const tenant = await newTenant()
    const { status, headers, body } = await ask('POST', `/tenants/${tenant}/connections`, {
      name: '  ',
      environment: 'test',
      identityProvider: 'auth0',
      settings: { mode: 'fast', speed: 1 },
    })
    expect(status).toBe(422)
    expect(headers.get('content-type')).toMatch('application/problem+json')
    expect(body.errors.map((error: { pointer: string }) => error.pointer)).toEqual([
      '#/name',
      '#/environment',
      '#/identityProvider',
      '#/settings/mode',
      '#/settings',
    ])
  })

  test('lists of all are paged by age', async () => {
    const tenant = await newTenant()
    for (let count = 0; count < 3; count++) {
      given.now = new Date(given.now.getTime() + 1000)
      await newConnection('sandbox', tenant)
    }
    const first = await ask('GET', `/tenants/${tenant}/connections?limit=2`)
    const second = await ask('GET', `/tenants/${tenant}/connections?limit=2&after=${first.body.next}`)
    const all = await ask('GET', `/tenants/${tenant}/connections`)
    expect([...first.body.items, ...second.body.items]).toEqual(all.body.items)
    expect(second.body.next).toBeUndefined()
    expect((await ask('GET', '/connections?after=bm9uc2Vuc2U')).status).toBe(422)
    const madeUp = Buffer.from('["not a time","x"]').toString('base64url')
    expect((await ask('GET', `/connections?after=${madeUp}`)).status).toBe(422)
  })

  test('are named neither . nor .., by POST, PATCH or PUT', async () => {
    const { id, tenant } = await newConnection('live')
    for (const name of ['.', '..', ' .. ']) {
      const answers = [
        await ask('POST', `/tenants/${tenant}/connections`, { name }),
        await ask('PATCH', `/connections/${id}`, { name }),
      ]
      for (const { status, body } of answers) {
        expect([status, body.errors]).toEqual([422, [expect.objectContaining({ pointer: '#/name' })]])
      }
    }
    expect((await ask('PATCH', `/connections/${id}`, { name: '...' })).status).toBe(200)
    const target = { host: new URL(service().url).hostname, port: new URL(service().url).port, method: 'PUT' }
    const path = `/admin/v1/tenants/${tenant}/connections/by-name/%2e%2e`
    const headers = { authorization: `Bearer ${adminToken}`, 'content-type': 'application/json', 'content-length': 2 }
    const [answer] = await once(httpRequest({ ...target, path, headers }).end('{}'), 'response')
    expect(answer.resume().statusCode).toBe(422)
  })
})

describe('deleting a connection', () => {
  const rotated = async (of: { id: string }): Promise<string[]> => {
    const first = (await ask('POST', `/connections/${of.id}/keys`)).body.kid
    const second = (await ask('POST', `/connections/${of.id}/keys`)).body.kid
    return [first, second]
  }

  test('revokes each of its keys that is accepted, in the same transaction, and leaves nothing of it but in lists of deleted ones', async () => {
    const connection = await newConnection('live')
    const { id, tenant } = connection
    const ended = (await ask('POST', `/connections/${id}/keys`)).body.kid
    await ask('POST', `/keys/${ended}/revoke`)
    const kids = await rotated(connection)
    await ask('PUT', `/connections/${id}/rotation-policy`, { everyDays: 90 })
    const [record] = await decided(async () => expect((await ask('DELETE', `/connections/${id}`)).status).toBe(204))
    expect(record).toMatchObject({ operation: 'connections.delete', connection: id, tenant, changed: ['state'] })
    const told = await events('id = ANY($1::uuid[])', [record?.events])
    expect(told.map((event) => [event.name, event.subject])).toEqual([
      ...kids.sort().map((kid) => ['key.revoked', kid]),
      ['connection.deleted', id],
    ])
    expect(told.at(-1)).toMatchObject({ version: 2, payload: { tenant, connection: id } })
    for (const path of [
      `/connections/${id}`,
      `/connections/${id}/keys`,
      `/connections/${id}/rotation-policy`,
      `/keys/${kids[0]}`,
    ])
      expect([path, (await ask('GET', path)).status]).toEqual([path, 404])
    for (const [method, path] of [
      ['POST', '/keys'],
      ['POST', '/disable'],
      ['PATCH', ''],
      ['DELETE', ''],
    ] as const)
      expect([path, (await ask(method, `/connections/${id}${path}`, {})).status]).toEqual([path, 404])
    for (const table of ['provisioning_key', 'rotation_plan', 'next_look'])
      expect(await service().database.query(`SELECT FROM keys.${table} WHERE connection = $1`, [id])).toEqual([])
    expect((await ask('GET', `/tenants/${tenant}/connections`)).body.items).toEqual([])
    const { items } = (await ask('GET', `/tenants/${tenant}/connections?deleted=true`)).body
    expect(items).toEqual([{ ...connection, deletedAt: given.now.toISOString() }])
    expect((await ask('GET', '/connections?deleted=perhaps')).status).toBe(422)
  })

  test('by a name in other letters has it renamed so, and its environment and id kept', async () => {
    const path = `/tenants/${await newTenant()}/connections/by-name`
    const first = (await ask('PUT', `${path}/Okta`, { identityProvider: 'okta' })).body
    const second = await ask('PUT', `${path}/okta`, { identityProvider: 'okta' })
    expect(second).toMatchObject({ status: 200, body: { id: first.id, name: 'okta' } })
    expect((await ask('PUT', `${path}/okta`, { name: 'OKTA', identityProvider: 'okta' })).body.name).toBe('OKTA')
  })

  test('by a name leaves one that was disabled as it is, unless it is told to enable it', async () => {
    const path = `/tenants/${await newTenant()}/connections/by-name/Okta`
    const { id, state } = (await ask('PUT', path, {})).body
    expect(state).toBe('enabled')
    await ask('POST', `/connections/${id}/disable`)
    expect((await ask('PUT', path, { identityProvider: 'okta' })).body).toMatchObject({
      identityProvider: 'okta',
      state: 'disabled',
    })
    expect((await ask('PUT', path, { state: 'enabled' })).body.state).toBe('enabled')
    expect((await ask('PUT', path, { state: 'disabled' })).body.state).toBe('disabled')
  })

  test('by its name does the same, and frees the name for another', async () => {
    const tenant = await newTenant()
    const path = `/tenants/${tenant}/connections/by-name/Workforce`
    const first = (await ask('PUT', path, {})).body
    const { headers } = await ask('GET', path)
    await ask('PATCH', `/connections/${first.id}`, { identityProvider: 'okta' })
    const late = await ask('DELETE', path, undefined, { 'if-match': headers.get('etag') ?? '' })
    expect(late).toMatchObject({ status: 412, body: { code: 'preconditionFailed' } })
    expect((await ask('DELETE', path)).status).toBe(204)
    expect((await ask('DELETE', path)).status).toBe(404)
    const again = await ask('PUT', path, {})
    expect([again.status, again.body.id === first.id]).toEqual([201, false])
    expect((await ask('GET', `/connections/${first.id}`)).status).toBe(404)
    expect((await ask('DELETE', path)).status).toBe(204)
    const { items } = (await ask('GET', `/tenants/${tenant}/connections?deleted=true`)).body
    expect(items.map(({ id }: { id: string }) => id).sort()).toEqual([first.id, again.body.id].sort())
  })

  test('is told once, whoever asks for it at once, and answered again under its Idempotency-Key alone', async () => {
    const { id } = await newConnection()
    const headers = { 'idempotency-key': randomUUID() }
    const answers = await Promise.all(Array.from({ length: 5 }, () => ask('DELETE', `/connections/${id}`)))
    expect(answers.map(({ status }) => status).sort()).toEqual([204, 404, 404, 404, 404])
    expect(await events(`name = 'connection.deleted' AND subject = $1`, [id])).toHaveLength(1)
    const other = await newConnection()
    for (const status of [204, 204]) {
      expect((await ask('DELETE', `/connections/${other.id}`, undefined, headers)).status).toBe(status)
    }
    expect((await ask('DELETE', `/connections/${other.id}`)).status).toBe(404)
  })

  test('and minting keys of it at once leaves no key that is accepted', async () => {
    for (let round = 0; round < 5; round++) {
      const { id } = await newConnection()
      const [removed] = await Promise.all([
        ask('DELETE', `/connections/${id}`),
        ask('POST', `/connections/${id}/keys`),
        ask('POST', `/connections/${id}/keys`),
      ])
      expect(removed.status).toBe(204)
      const told = await events(`payload::jsonb ->> 'connection' = $1 AND name LIKE 'key.%'`, [id])
      const of = (name: string) => told.filter((event) => event.name === name).map(({ subject }) => subject)
      expect(of('key.revoked').sort()).toEqual(of('key.minted').sort())
    }
  })
})
