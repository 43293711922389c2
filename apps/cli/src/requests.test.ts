import { adminServer, answer } from './test/admin-server.ts'

const server = adminServer()
const { latchkey } = server

describe('requests', () => {
  const request = {
    id: '01a20e52-426b-7001-83a3-51975df3f104',
    receivedAt: '2026-03-01T10:00:00.000Z',
    method: 'POST',
    path: '/scim/v2/abcdefghijkmnpqr/Users',
    environment: 'sandbox',
    operation: 'users.create',
    address: '127.0.0.1',
    userAgent: null,
    status: 201,
    code: null,
    detail: null,
    changed: ['userName'],
    steps: [{ step: 'key', decision: 'passed', microseconds: 40 }],
    dialect: 'entra',
    deviations: [
      {
        code: 'boolean-as-string',
        pointer: '/active',
        cause: 'A boolean came as a string.',
        fix: 'Send true.',
        setting: 'Entra ID: append the flag',
      },
    ],
  }

  test('are listed by connection, and shown with what deviated and how to mend it', async () => {
    server.respond = answer(200, { items: [request] })
    const { out } = await latchkey(['requests', 'list', '--connection', 'abcdefghijkmnpqr', '--limit', '5'])
    expect(server.seen[0]?.url).toBe('/audit/v1/records?limit=5&connection=abcdefghijkmnpqr')
    expect(out).toContain('users.create')
    await latchkey(['requests', 'list', '--environment', 'sandbox'])
    expect(server.seen[1]?.url).toBe('/audit/v1/records?limit=20&environment=sandbox')
    expect(await latchkey(['requests', 'list', '--environment', 'both'])).toMatchObject({ code: 2 })
    server.respond = answer(200, { ...request, actor: 'abcdefghijkl' })
    expect((await latchkey(['requests', 'show', request.id])).out).toMatch(/^by +admin token abcdefghijkl$/m)
    server.respond = answer(200, request)
    const shown = await latchkey(['requests', 'show', request.id])
    expect(server.seen[2]?.url).toBe(`/audit/v1/records/${request.id}`)
    expect(shown.out).toMatch(/^environment +sandbox$/m)
    for (const told of ['entra', 'boolean-as-string', 'Send true.', 'Entra ID: append the flag']) {
      expect(shown.out).toContain(told)
    }
  })

  test('are sent again once, whatever becomes of the answer', async () => {
    server.respond = (_request, response) => response.destroy()
    const { code } = await latchkey(['requests', 'replay', request.id, '--dry-run'])
    expect(code).toBe(1)
    expect(server.seen.map(({ method, url: path }) => `${method} ${path}`)).toEqual([
      `POST /admin/v1/requests/${request.id}/replay`,
    ])
  })
})
