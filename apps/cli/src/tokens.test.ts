import { adminServer, answer } from './test/admin-server.ts'

const server = adminServer()
const { latchkey } = server

describe('tokens', () => {
  const made = {
    id: 'abcdefghijkl',
    name: 'Terraform',
    state: 'active',
    scopes: ['tenants:read', 'keys:mint'],
    tenants: ['acme'],
    allowlist: ['192.0.2.0/24'],
    expiresAt: null,
    createdAt: '2026-03-01T10:00:00.000Z',
    createdBy: 'bootstrap',
    revokedAt: null,
    lastUsed: null,
    pepperVersion: 1,
  }

  test('create sends what was named and nothing else, and shows the token once', async () => {
    let sent: unknown
    server.respond = (request, response) => {
      sent = JSON.parse(request.body)
      answer(201, { ...made, token: 'lka_of_the_tests' })(request, response)
    }
    const create = ['tokens', 'create', 'Terraform', '--scopes', 'tenants:read, keys:mint']
    const { code, out } = await latchkey([...create, '--tenants', 'acme', '--from', '192.0.2.0/24'])
    expect(code).toBe(0)
    const scopes = ['tenants:read', 'keys:mint']
    expect(sent).toEqual({ name: 'Terraform', scopes, tenants: ['acme'], allowlist: ['192.0.2.0/24'] })
    expect(out).toContain('lka_of_the_tests')
    expect(out).toContain('never shown again')
    await latchkey([...create, '--expires', '2027-01-31T00:00:00Z'])
    expect(sent).toEqual({ name: 'Terraform', scopes, expiresAt: '2027-01-31T00:00:00Z' })
  })

  test('--from with nothing, as a variable that is not set, opens nothing', async () => {
    const { code } = await latchkey(['tokens', 'create', 'ci', '--scopes', 'keys:read', '--from', ''])
    expect([code, server.seen]).toEqual([2, []])
  })

  test('a token whose text was lost on the way is told as such, with what to do', async () => {
    server.respond = answer(201, made)
    const { code, err } = await latchkey(['tokens', 'create', 'Terraform', '--scopes', 'tenants:read'])
    expect(code).toBe(1)
    expect(err).toContain('latchkey tokens revoke abcdefghijkl')
  })

  test('list and show tell what a token may do, when it was used last, and under which pepper it is digested', async () => {
    const used = { at: new Date().toISOString(), address: '192.0.2.7', userAgent: 'terraform/1.9' }
    server.respond = answer(200, {
      items: [made, { ...made, id: 'mnopqrstuvwx', tenants: null, lastUsed: used, pepperVersion: 2 }],
    })
    const { out } = await latchkey(['tokens', 'list'])
    expect(out).toMatch(/^abcdefghijkl {2}Terraform {2}active {2}acme +1 .* never$/m)
    expect(out).toMatch(/^mnopqrstuvwx {2}Terraform {2}active {2}all +2 .* just now from 192\.0\.2\.7, terraform\/1$/m)
    server.respond = answer(200, made)
    const shown = (await latchkey(['tokens', 'show', 'abcdefghijkl'])).out
    expect(server.seen.at(-1)?.url).toBe('/admin/v1/tokens/abcdefghijkl')
    expect(shown).toMatch(/^scopes +tenants:read, keys:mint$/m)
    expect(shown).toMatch(/^pepper +1$/m)
    expect(shown).toMatch(/^from +192\.0\.2\.0\/24$/m)
  })

  const revoked = { ...made, state: 'revoked', revokedAt: '2026-03-02T10:00:00.000Z' }

  test('revoke is sent again under the same Idempotency-Key when its answer was lost', async () => {
    server.respond = (request, response) => {
      if (request.method === 'GET') return answer(200, { items: [revoked] })(request, response)
      return server.seen.length === 1 ? response.destroy() : answer(200, revoked)(request, response)
    }
    const { code, out, err } = await latchkey(['tokens', 'revoke', 'abcdefghijkl'])
    const sent = server.seen.filter(({ method }) => method === 'POST')
    expect([code, sent.length, err]).toEqual([0, 2, ''])
    expect(new Set(sent.map((request) => request.headers['idempotency-key'])).size).toBe(1)
    expect(out).toMatch(/^state +revoked$/m)
  })

  test('revoke names the tokens that were made with it and go on, or says that they cannot be seen', async () => {
    const child = { ...made, id: 'mnopqrstuvwx', name: 'Copy', createdBy: made.id }
    const gone = { ...revoked, id: 'nnopqrstuvwx', name: 'Gone', createdBy: made.id }
    let listed = answer(200, { items: [child, gone, revoked] })
    server.respond = (request, response) =>
      (request.method === 'GET' ? listed : answer(200, revoked))(request, response)
    const told = await latchkey(['tokens', 'revoke', made.id])
    expect([told.code, told.err]).toEqual([0, expect.stringContaining('go on: mnopqrstuvwx (Copy).')])
    listed = answer(403, { code: 'scopeMissing', detail: 'This admin token has not the scope tokens:read.' })
    const unseen = await latchkey(['tokens', 'revoke', made.id])
    expect([unseen.code, unseen.err]).toEqual([0, expect.stringContaining('cannot be seen')])
    expect(unseen.out).toMatch(/^state +revoked$/m)
  })

  test('a token that lacks a scope is not allowed', async () => {
    server.respond = answer(403, { code: 'scopeMissing', detail: 'This admin token has not the scope tokens:read.' })
    expect((await latchkey(['tokens', 'list'])).code).toBe(3)
  })
})
