import { randomUUID } from 'node:crypto'
import { defaultPolicy } from '#libs/events/index'
import { dataKeyOf, Keyring, openUnder, signingPurpose } from '#libs/sealing/index'
import { adminApi } from '#test/keys-admin-api'

const { ask, events, newConnection, newTenant, service } = adminApi()

describe('the policy of a key', () => {
  const mint = async (policy: unknown, headers = {}) => {
    const { id, tenant } = await newConnection('live')
    return { tenant, id, ...(await ask('POST', `/connections/${id}/keys`, { policy }, headers)) }
  }
  const hmac = { authentication: { method: 'signed', algorithm: 'hmac-sha256' } }

  test('is that of a bearer who may do all, unless told', async () => {
    const { status, body } = await mint({})
    expect([status, body.policy]).toEqual([201, defaultPolicy])
    expect(body.signingSecret).toBeUndefined()
  })

  test('has a secret to sign by made where it asks for that, which is answered once and told sealed', async () => {
    const { tenant, body } = await mint(hmac)
    expect(body.signingSecret).toMatch(/^[\w-]{43}$/)
    expect(body.policy.authentication).toEqual({ method: 'signed', algorithm: 'hmac-sha256' })
    const [minted] = await events(`name = 'key.minted' AND subject = $1`, [body.kid])
    const { sealed } = minted?.payload.policy.authentication ?? {}
    const [made, ...more] = await events(`name LIKE 'data-key.%' AND payload::jsonb ->> 'tenant' = $1`, [tenant])
    expect([made?.name, made?.version, more]).toEqual(['data-key.made', 1, []])
    const { dataKey: id, ...wrapped } = made?.payload ?? {}
    const bytes = await service().parts.keyring.unwrap(wrapped, { tenant, dataKey: id })
    const context = { kid: body.kid, purpose: signingPurpose }
    expect(openUnder(dataKeyOf(id, tenant, bytes), context, sealed)).toBe(body.signingSecret)
  })

  test('of two keys of a tenant are sealed under one data key, also when both are the first', async () => {
    const tenant = await newTenant()
    const connections = await Promise.all([1, 2, 3].map(() => newConnection('live', tenant)))
    const minted = await Promise.all(
      connections.map(({ id }) => ask('POST', `/connections/${id}/keys`, { policy: hmac })),
    )
    expect(minted.map(({ status }) => status)).toEqual([201, 201, 201])
    expect(new Set(minted.map(({ body }) => body.signingSecret)).size).toBe(3)
    expect(await events(`name = 'data-key.made' AND payload::jsonb ->> 'tenant' = $1`, [tenant])).toHaveLength(1)
  })

  test('does not have the secret shown again to who repeats the mint, nor kept or told anywhere in clear', async () => {
    const headers = { 'idempotency-key': randomUUID() }
    const { id, body } = await mint(hmac, headers)
    const again = await ask('POST', `/connections/${id}/keys`, { policy: hmac }, headers)
    expect([again.body.kid, again.body.signingSecret]).toEqual([body.kid, undefined])
    const tables = ['keys.provisioning_key', 'keys.data_key', 'keys.answered', 'event_log.event']
    for (const table of tables) {
      const found = await service().database.query(`SELECT FROM ${table} AS row WHERE strpos(row::text, $1) > 0`, [
        body.signingSecret,
      ])
      expect([table, found]).toEqual([table, []])
    }
    expect(JSON.stringify(service().failures)).not.toContain(body.signingSecret)
  })

  test('takes the public key of who signs by ed25519, and keeps no secret', async () => {
    const publicKey = 'JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs'
    const { body } = await mint({ authentication: { method: 'signed', algorithm: 'ed25519', publicKey } })
    expect([body.policy.authentication.publicKey, body.signingSecret]).toEqual([publicKey, undefined])
  })

  test('takes no public key by which nobody could prove anything', async () => {
    for (const publicKey of ['A'.repeat(43), `AQ${'A'.repeat(41)}`]) {
      const { status, body } = await mint({ authentication: { method: 'signed', algorithm: 'ed25519', publicKey } })
      expect([status, body.errors]).toEqual([
        422,
        [expect.objectContaining({ pointer: '#/policy/authentication/publicKey' })],
      ])
    }
  })

  test('is refused with every fault and its place', async () => {
    const { status, body } = await mint({
      authentication: { method: 'signed', algorithm: 'ed25519', publicKey: 'short' },
      allowlist: ['10.0.0.0/8', '10.0.0.0/33', 'fe80::1%eth0', 'example.com', '::ffff:10.0.0.0/8', '10.0.0.1/8'],
      scopes: ['read'],
      expiresAt: '2020-01-01T00:00:00Z',
      rate: { perSecond: 50, burst: 5 },
    })
    expect(status).toBe(422)
    expect(body.errors.map(({ pointer }: { pointer: string }) => pointer).sort()).toEqual([
      '#/policy/allowlist/1',
      '#/policy/allowlist/2',
      '#/policy/allowlist/3',
      '#/policy/allowlist/4',
      '#/policy/allowlist/5',
      '#/policy/authentication/publicKey',
      '#/policy/expiresAt',
      '#/policy/rate',
      '#/policy/scopes',
    ])
    for (const authentication of [
      { method: 'basic' },
      { method: 'signed' },
      { method: 'signed', algorithm: 'rsa' },
      { method: 'signed', algorithm: 'hmac-sha256', sealed: 'x' },
      { method: 'mtls', certificates: [] },
      { method: 'mtls', certificates: ['AB'] },
    ]) {
      expect((await mint({ authentication })).status).toBe(422)
    }
    for (const rate of [
      { perSecond: 24, burst: 100 },
      { perSecond: 25, burst: 251 },
    ]) {
      expect((await mint({ rate })).body.errors?.[0]?.pointer).toMatch(/^#\/policy\/rate/)
    }
  })

  test('changes where it may, and is told of with what was changed', async () => {
    const { body: key } = await mint(hmac)
    const change = {
      allowlist: ['2001:db8::/32'],
      scopes: ['read', 'users'],
      expiresAt: '2027-01-01T01:00:00+01:00',
      rate: { perSecond: 25, burst: 250 },
    }
    const { status, body } = await ask('PATCH', `/keys/${key.kid}`, { policy: change })
    expect([status, body.policy]).toEqual([200, { ...key.policy, ...change, expiresAt: '2027-01-01T00:00:00.000Z' }])
    const [event] = await events(`name = 'key.changed' AND subject = $1`, [key.kid])
    expect(event?.version).toBe(2)
    expect(event?.payload.changed).toEqual(['policy.allowlist', 'policy.scopes', 'policy.expiresAt', 'policy.rate'])
    expect(event?.payload.policy.authentication.sealed).toEqual(expect.any(String))
    await ask('PATCH', `/keys/${key.kid}`, { policy: change })
    expect(await events(`name = 'key.changed' AND subject = $1`, [key.kid])).toHaveLength(1)
  })

  test('is that of one key: whoever changes it is warned of the other accepted key, until that may do the same', async () => {
    const { id, body: old } = await mint({})
    const { body: next } = await ask('POST', `/connections/${id}/keys`, { policy: hmac })
    const narrow = async (kid: string): Promise<string | null> => {
      const answer = await ask('PATCH', `/keys/${kid}`, { policy: { allowlist: ['10.0.0.0/8'] } })
      expect(answer.status).toBe(200)
      return answer.headers.get('latchkey-warning')
    }
    expect(await narrow(old.kid)).toContain(`key ${next.kid} of the same connection is accepted too`)
    expect(await narrow(old.kid)).toBeNull()
    expect(await narrow(next.kid)).toBeNull()
    await ask('POST', `/keys/${next.kid}/revoke`)
    const alone = await ask('PATCH', `/keys/${old.kid}`, { policy: { allowlist: [] } })
    expect(alone.headers.get('latchkey-warning')).toBeNull()
  })

  test('keeps how the key proves itself, but for the certificates of one that has them', async () => {
    const [one, other] = ['a', 'b'].map((digit) => digit.repeat(64))
    const { body: mtls } = await mint({ authentication: { method: 'mtls', certificates: [one] } })
    const whole = await ask('PATCH', `/keys/${mtls.kid}`, { policy: { authentication: mtls.policy.authentication } })
    expect(whole).toMatchObject({
      status: 422,
      body: { errors: [{ detail: expect.stringContaining('as policy.certificates') }] },
    })
    const { body } = await ask('PATCH', `/keys/${mtls.kid}`, { policy: { certificates: [one, other] } })
    expect(body.policy.authentication.certificates).toEqual([one, other])
    const { body: signed } = await mint(hmac)
    for (const policy of [
      { certificates: [one] },
      { authentication: { method: 'bearer' } },
      { allowlist: ['x'] },
      { more: 1 },
    ]) {
      expect((await ask('PATCH', `/keys/${signed.kid}`, { policy })).status).toBe(422)
    }
    await ask('POST', `/keys/${signed.kid}/revoke`)
    expect((await ask('PATCH', `/keys/${signed.kid}`, { policy: { scopes: ['read', 'users'] } })).status).toBe(409)
  })

  test('asks for what cannot be had while the KEK is away: the mint is refused with cause and fix, and nothing is made', async () => {
    const { keyring } = service().parts
    Object.assign(service().parts, {
      keyring: new Keyring({ kind: 'vault', url: 'http://127.0.0.1:1', mount: 'transit', key: 'k' }, [], {
        vaultToken: 'of-a-vault-that-is-away',
      }),
    })
    const { id, status, body, headers } = await mint(hmac)
    Object.assign(service().parts, { keyring })
    expect([status, headers.get('retry-after')]).toEqual([503, '5'])
    expect(body.detail).toContain('Vault at http://127.0.0.1:1 cannot be reached')
    expect((await ask('GET', `/connections/${id}/keys`)).body.items).toEqual([])
  })
})
