import { readKey } from '#libs/credentials/index'
import { adminApi } from '#test/keys-admin-api'
import { ensureQuickstart } from './index.ts'

const { ask, decided, events, newConnection, newTenant, service } = adminApi()

describe('tenants', () => {
  test('have an id made of the name, are listed, read and told of', async () => {
    const made = await ask('POST', '/tenants', { name: ' Müller & Söhne ' })
    expect(made.status).toBe(201)
    expect(made.body).toMatchObject({ id: 'muller-sohne', name: 'Müller & Söhne' })
    expect((await ask('GET', '/tenants/muller-sohne')).body).toEqual(made.body)
    expect((await ask('GET', '/tenants?limit=200')).body.items).toContainEqual(made.body)
    expect((await ask('GET', '/tenants?name=M%C3%BCller%20%26%20S%C3%B6hne')).body.items).toEqual([made.body])
    const [created] = await events(`name = 'tenant.created' AND subject = 'muller-sohne'`)
    expect(created?.payload).toEqual({ tenant: 'muller-sohne', name: 'Müller & Söhne' })
  })

  test('a name in use is refused, whatever its case', async () => {
    await ask('POST', '/tenants', { name: 'Globex' })
    const second = await ask('POST', '/tenants', { name: 'GLOBEX' })
    expect(second.status).toBe(409)
    expect(second.body.detail).toContain('choose another name')
  })

  test('an admin token is not made for, nor given, one that is not there', async () => {
    const id = await newTenant()
    const token = { name: 'of a tenant', scopes: ['keys:read'] }
    const refused = await ask('POST', '/tokens', { ...token, tenants: [id, 'zzz-nobody'] })
    expect(refused).toMatchObject({ status: 422, body: { errors: [{ pointer: '#/tenants/1' }] } })
    const made = await ask('POST', '/tokens', { ...token, tenants: [id] })
    expect(made.status).toBe(201)
    expect((await ask('PATCH', `/tokens/${made.body.id}`, { tenants: [id, 'zzz-nobody'] })).status).toBe(422)
    expect((await ask('DELETE', `/tenants/${id}`)).status).toBe(204)
    expect((await ask('PATCH', `/tokens/${made.body.id}`, { name: 'of a deleted one', tenants: [id] })).status).toBe(
      200,
    )
  })

  test('twenty that ask for one name at once become one tenant', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask('POST', '/tenants', { name: 'Initech' })))
    expect(answers.map((answer) => answer.status).sort()).toEqual([201, ...Array.from({ length: 19 }, () => 409)])
  })

  test('pages are followed without a gap or a repetition', async () => {
    for (let count = 0; count < 5; count++) await newTenant()
    const seen: string[] = []
    let next: string | undefined
    do {
      const page = await ask('GET', `/tenants?limit=2${next === undefined ? '' : `&after=${next}`}`)
      seen.push(...page.body.items.map((item: { id: string }) => item.id))
      next = page.body.next
    } while (next !== undefined)
    const all = await ask('GET', '/tenants?limit=200')
    expect(seen).toEqual(all.body.items.map((item: { id: string }) => item.id))
  })

  test('one that has connections is not deleted; once they are, it is, and its id is never given again', async () => {
    const tenant = await newTenant()
    const connection = await newConnection('live', tenant)
    const refused = await ask('DELETE', `/tenants/${tenant}`)
    expect(refused).toMatchObject({ status: 409, body: { code: 'conflict' } })
    expect(refused.body.detail).toContain('The tenant has 1 connection,')
    expect((await ask('DELETE', `/connections/${connection.id}`)).status).toBe(204)
    const [record] = await decided(async () => expect((await ask('DELETE', `/tenants/${tenant}`)).status).toBe(204))
    const told = await events('id = ANY($1::uuid[])', [record?.events])
    expect(told.map((event) => [event.name, event.subject, event.version])).toEqual([['tenant.deleted', tenant, 2]])
    expect((await ask('GET', `/tenants/${tenant}`)).status).toBe(404)
    expect((await ask('POST', '/tenants', { name: 'Again', id: tenant })).status).toBe(409)
    expect(await service().database.query('SELECT FROM keys.connection WHERE tenant = $1', [tenant])).toEqual([])
  })

  test('of deleting one and making a connection of it at once, one is done', async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 8 }, async () => {
        const tenant = await newTenant()
        const [removed, made] = await Promise.all([
          ask('DELETE', `/tenants/${tenant}`),
          ask('POST', `/tenants/${tenant}/connections`, { name: 'c' }),
        ])
        return `${removed.status} ${made.status}`
      }),
    )
    for (const outcome of outcomes) expect(['204 404', '409 201']).toContain(outcome)
  })
})

describe('the quickstart', () => {
  const quickstart = () => ensureQuickstart(service().parts)

  test('is made once, also by instances that start together, and found again with its key', async () => {
    const [first, ...others] = await Promise.all([1, 2, 3].map(() => quickstart()))
    for (const other of others) expect(other).toEqual(first)
    expect(first?.scimBaseUrl).toBe(`${service().parts.publicUrl}/scim/v2/${first?.connection}`)
    expect(readKey(first?.key ?? '')).toMatchObject({ kind: 'key', environment: 'sandbox' })
    const connection = await ask('GET', `/connections/${first?.connection}`)
    expect(connection.body).toMatchObject({ tenant: 'acme', name: 'quickstart', environment: 'sandbox' })
    const told = await events(`key IN ($1, $2) OR key LIKE $3`, [
      '/acme',
      `acme/${first?.connection}`,
      `${first?.connection}/%`,
    ])
    const names = told.filter((event) => event.name !== 'request.decided').map((event) => event.name)
    expect(names).toEqual(['tenant.created', 'connection.created', 'key.minted'])
  })

  test('has no other key when its own was revoked, and shows one that was minted since', async () => {
    const before = await quickstart()
    const read = readKey(before?.key ?? '')
    if (read.kind === 'fault') throw new Error(read.fault)
    await ask('POST', `/keys/${read.kid}/revoke`)
    expect(await quickstart()).toEqual({ ...before, key: undefined })
    const minted = await ask('POST', `/connections/${before?.connection}/keys`, {})
    expect(await quickstart()).toEqual({ ...before, key: minted.body.key })
  })

  test('is not made again when its connection was deleted, nor when its tenant was', async () => {
    const made = await quickstart()
    expect((await ask('DELETE', `/connections/${made?.connection}`)).status).toBe(204)
    expect(await quickstart()).toBeUndefined()
    expect((await ask('DELETE', '/tenants/acme')).status).toBe(204)
    expect(await quickstart()).toBeUndefined()
    const named = await ask('GET', '/tenants?name=acme')
    expect(named.body.items).toEqual([])
  })
})
