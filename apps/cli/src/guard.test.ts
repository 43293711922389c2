import { adminServer, answer } from './test/admin-server.ts'
import { connection } from './test/answered.ts'

const server = adminServer()
const { latchkey } = server

describe('guard', () => {
  const held = {
    connection: connection.id,
    state: 'held',
    heldSince: new Date().toISOString(),
    tried: 40,
    examples: [{ kind: 'User', id: 'u1' }],
    until: null,
    left: null,
  }

  test('list shows what waits', async () => {
    server.respond = answer(200, { items: [held] })
    const { out } = await latchkey(['guard', 'list'])
    expect(server.seen[0]?.url).toBe('/admin/v1/guard?limit=200')
    expect(out).toMatch(new RegExp(`${connection.id} +held +(just now|\\d+ s ago) +40 +User u1`))
  })

  test.each([
    [['allow', connection.id], 'allow', { for: '1h' }],
    [['allow', connection.id, '--for', '2d'], 'allow', { for: '2d' }],
    [['allow', connection.id, '--count', '300'], 'allow', { count: 300 }],
    [['deny', connection.id], 'deny', undefined],
  ])('%j asks for it', async (args, act, wanted) => {
    let sent: unknown
    server.respond = (request, response) => {
      sent = wanted === undefined ? undefined : JSON.parse(request.body)
      answer(200, { ...held, state: 'allowed', left: 300 })(request, response)
    }
    const { code, out } = await latchkey(['guard', ...args])
    expect([code, server.seen[0]?.url, sent]).toEqual([0, `/admin/v1/guard/${connection.id}/${act}`, wanted])
    expect(out).toContain('allowed: 300 more')
  })

  test('allow takes a time or a number, not both', async () => {
    expect((await latchkey(['guard', 'allow', connection.id, '--for', '1h', '--count', '1'])).code).toBe(2)
    expect(server.seen).toEqual([])
  })
})
