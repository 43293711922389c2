import type { ConnectionSchema } from '#libs/events/index'
import { adminApi } from '#test/keys-admin-api'
import { until } from '#test/keys-service'

const { ask, events, given, newConnection, service } = adminApi()

describe('schemas of a connection', () => {
  const urn = 'urn:acme:params:scim:schemas:extension:costs:2.0:User'
  const center = { name: 'center', type: 'string' }
  const document = (attributes: object[] = [center], id = urn) => ({ id, name: 'Costs', attributes })
  const path = (connection: string, id?: string) =>
    `/connections/${connection}/schemas${id === undefined ? '' : `/${encodeURIComponent(id)}`}`

  const used = ({ id, tenant }: { id: string; tenant: string }, changed: string[], more: object = {}): Promise<void> =>
    service().decide(id, {
      tenant,
      environment: 'sandbox',
      method: 'POST',
      operation: 'users.create',
      status: 201,
      changed,
      ...more,
    })

  const inUse = (connection: string): Promise<boolean> =>
    until(
      async () => (await ask('GET', path(connection, urn))).body.inUse,
      (known) => known,
    )

  test('are added whole, told with every change of the connection, and found by URN in any letter case', async () => {
    const { id } = await newConnection()
    const added = await ask('POST', `${path(id)}?required=true`, document())
    expect(added).toMatchObject({
      status: 201,
      body: {
        id: urn,
        resourceType: 'User',
        required: true,
        inUse: false,
        document: { id: urn, attributes: [center] },
      },
    })
    const other = await ask('POST', `${path(id)}?resourceType=Group`, document([center], 'urn:acme:teams'))
    expect(other).toMatchObject({ status: 201, body: { resourceType: 'Group', required: false } })
    expect((await ask('GET', path(id))).body).toEqual({ items: [added.body, other.body] })
    expect((await ask('GET', path(id, urn.toUpperCase()))).body).toEqual(added.body)
    expect((await ask('GET', `/connections/${id}`)).body.schemas).toEqual([urn, 'urn:acme:teams'])
    await ask('PATCH', `/connections/${id}`, { name: 'Renamed' })
    const told = await events(`subject = $1 AND name = 'connection.changed'`, [id])
    expect(
      told.map(({ payload }) => [payload.changed, payload.schemas.map((one: ConnectionSchema) => one.document.id)]),
    ).toEqual([
      [['schemas'], [urn]],
      [['schemas'], [urn, 'urn:acme:teams']],
      [['name'], [urn, 'urn:acme:teams']],
    ])
    const [record] = await events(
      `name = 'request.decided' AND payload::jsonb ->> 'operation' = 'schemas.create' AND payload::jsonb ->> 'connection' = $1`,
      [id],
    )
    expect(record?.payload).toMatchObject({
      subject: { kind: 'schema', id: urn },
      changed: ['schemas'],
      outcome: 'accepted',
    })
    for (const call of [
      ask('GET', path(id, 'urn:acme:none')),
      ask('GET', path('aaaaaaaaaaaaaaaa')),
      ask('DELETE', path(id, 'urn:acme:none')),
    ]) {
      expect((await call).status).toBe(404)
    }
  })

  test('are refused with every fault and its place', async () => {
    const { id } = await newConnection()
    const { status, body } = await ask('POST', path(id), {
      id: 'costs',
      attributes: [{ name: 'a b' }, { name: 'c', uniqueness: 'server' }],
    })
    expect(status).toBe(422)
    expect(body.errors).toMatchObject([
      { pointer: '#/id', detail: expect.stringContaining('urn:example') },
      { pointer: '#/attributes/0/name' },
      { pointer: '#/attributes/1/uniqueness', detail: expect.stringContaining('userName alone') },
    ])
    for (const query of ['resourceType=Robot', 'required=yes']) {
      expect((await ask('POST', `${path(id)}?${query}`, document())).status).toBe(422)
    }
    expect((await ask('POST', path(id), document())).status).toBe(201)
    expect((await ask('POST', path(id), document())).status).toBe(409)
    expect((await ask('POST', path(id), document([center], `${urn}:center`))).status).toBe(409)
    expect((await ask('PUT', path(id, urn), document([center], 'urn:acme:x'))).body.errors).toMatchObject([
      { pointer: '#/id' },
    ])
    for (let count = 1; count < 8; count++) {
      expect((await ask('POST', path(id), document([center], `urn:acme:more-${count}`))).status).toBe(201)
    }
    expect((await ask('POST', path(id), document([center], 'urn:acme:ninth'))).status).toBe(409)
  })

  test('that no request has used are replaced and removed as one likes, though the connection is used', async () => {
    const { id, tenant } = await newConnection()
    await ask('POST', `/connections/${id}/keys`)
    await ask('POST', path(id), document())
    const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department'
    await used({ id, tenant }, ['userName', enterprise])
    await used({ id, tenant }, [`${urn}:center`], { dryRun: { changed: [], events: [] } })
    const replaced = await ask('PUT', `${path(id, urn)}?required=true`, document([{ name: 'other', required: true }]))
    expect(replaced).toMatchObject({
      status: 200,
      body: { required: true, document: { attributes: [{ name: 'other' }] } },
    })
    const told = await events(`subject = $1 AND name = 'connection.changed'`, [id])
    await ask('PUT', path(id, urn), document([{ name: 'other', required: true }]))
    expect(await events(`subject = $1 AND name = 'connection.changed'`, [id])).toEqual(told)
    expect((await ask('DELETE', path(id, urn))).status).toBe(204)
    expect((await ask('GET', path(id))).body).toEqual({ items: [] })
    expect((await ask('GET', `/connections/${id}`)).body.schemas).toEqual([])
  })

  test('that a request has used are widened, and not broken or removed', async () => {
    const { id, tenant } = await newConnection()
    await ask('POST', path(id), document())
    await used({ id, tenant }, [`${urn}:center`])
    await inUse(id)
    const wider = document([
      { ...center, description: 'Who pays.' },
      { name: 'more', type: 'integer' },
    ])
    expect(await ask('PUT', path(id, urn), wider)).toMatchObject({
      status: 200,
      body: { inUse: true, document: wider },
    })
    const narrower = document([
      { name: 'center', type: 'boolean' },
      { name: 'new', required: true },
    ])
    const refused = await ask('PUT', `${path(id, urn)}?required=true`, narrower)
    expect(refused).toMatchObject({
      status: 409,
      body: { code: 'conflict', detail: expect.stringContaining('in use') },
    })
    expect(refused.body.errors.map((error: { pointer: string }) => error.pointer)).toEqual([
      '#/required',
      '#/attributes/0/type',
      '#/attributes/1/required',
      '#/attributes',
    ])
    expect((await ask('DELETE', path(id, urn))).status).toBe(409)
    expect((await ask('GET', path(id, urn))).body.document).toMatchObject(wider)
  })

  test('are not broken before it is known what was decided until then', async () => {
    const { id, tenant } = await newConnection()
    await ask('POST', path(id), document())
    await ask('POST', `/connections/${id}/keys`)
    const { promise, resolve } = Promise.withResolvers<boolean>()
    given.heard = () => promise
    const removal = ask('DELETE', path(id, urn))
    const widening = await ask('PUT', path(id, urn), document([center, { name: 'more' }]))
    expect(widening.status).toBe(200)
    await used({ id, tenant }, [`${urn}:center`])
    await inUse(id)
    resolve(true)
    expect((await removal).status).toBe(409)
  })

  test('are not broken while that cannot be known', async () => {
    const { id } = await newConnection()
    await ask('POST', path(id), document())
    expect((await ask('DELETE', path(id, urn))).status).toBe(204)
    await ask('POST', path(id), document())
    await ask('POST', `/connections/${id}/keys`)
    given.heard = async () => false
    const { status, headers, body } = await ask('DELETE', path(id, urn))
    given.heard = async () => true
    expect([status, headers.get('retry-after')]).toEqual([503, '5'])
    expect(body.detail).toContain('Nothing was changed')
  })

  test('go with the connection', async () => {
    const { id, tenant } = await newConnection()
    await ask('POST', path(id), document())
    await used({ id, tenant }, [`${urn}:center`])
    await inUse(id)
    expect((await ask('DELETE', `/connections/${id}`)).status).toBe(204)
    expect(await service().database.query('SELECT FROM keys.schema_use WHERE connection = $1', [id])).toEqual([])
  })
})
