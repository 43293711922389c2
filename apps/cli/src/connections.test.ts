import { adminServer, answer } from './test/admin-server.ts'
import { connection } from './test/answered.ts'

const server = adminServer()
const { latchkey } = server

describe('connections set', () => {
  test('sends what was named and nothing else, and shows what then is', async () => {
    let sent: unknown
    server.respond = (request, response) => {
      sent = JSON.parse(request.body)
      answer(200, connection)(request, response)
    }
    const set = ['connections', 'set', connection.id, '--patch-answer', 'none', '--conflicts', 'adopt']
    const { code, out } = await latchkey([...set, '--adopt-by', 'userName, emails', '--idp', 'sailpoint'])
    expect(code).toBe(0)
    expect(server.seen[0]).toMatchObject({ method: 'PATCH', url: `/admin/v1/connections/${connection.id}` })
    expect(sent).toEqual({
      identityProvider: 'sailpoint',
      settings: { patchAnswer: 'none', conflicts: 'adopt', adoptBy: ['userName', 'emails'] },
    })
    expect(out).toMatch(/PATCH answers +nothing \(204\)\nmode +live\nconflicts +adopt by userName, emails\n/)
  })

  test('asks nothing of the server when nothing was named', async () => {
    expect((await latchkey(['connections', 'set', connection.id])).code).toBe(2)
    expect(server.seen).toEqual([])
  })
})

test('connections set takes the rules of the guard as numbers, and shows what waits', async () => {
  let sent: unknown
  server.respond = (request, response) => {
    sent = JSON.parse(request.body)
    answer(200, connection)(request, response)
  }
  const set = ['connections', 'set', connection.id, '--guard', 'on', '--guard-most', '20', '--guard-percent', '0']
  const { code, out } = await latchkey([...set, '--guard-minutes', '30'])
  expect(code).toBe(0)
  expect(sent).toEqual({ settings: { guard: 'on', guardMost: 20, guardPercent: 0, guardMinutes: 30 } })
  expect(out).toMatch(/guard +(off|more than 50 deactivations and deletions, and 10 % of the users, in 60 min wait)\n/)
  expect((await latchkey(['connections', 'set', connection.id, '--guard-most', 'many'])).code).toBe(2)
})

test('connections disable and enable change the state, and show what then is', async () => {
  const seen: unknown[] = []
  server.respond = (request, response) => {
    seen.push([request.method, request.url, request.body === '' ? undefined : JSON.parse(request.body)])
    const state = request.method === 'PATCH' ? 'enabled' : 'disabled'
    answer(200, { ...connection, state })(request, response)
  }
  for (const act of ['disable', 'enable']) {
    const { code, out } = await latchkey(['connections', act, connection.id])
    expect([code, out]).toEqual([0, expect.stringMatching(new RegExp(`\\nstate +${act}d\\n`))])
  }
  const path = `/admin/v1/connections/${connection.id}`
  expect(seen).toEqual([
    ['POST', `${path}/disable`, undefined],
    ['PATCH', path, { state: 'enabled' }],
  ])
})

test('connections delete says what it deleted, and those that were deleted are listed when asked for', async () => {
  server.respond = (request, response) => {
    if (request.method === 'DELETE') response.writeHead(204).end()
    else if (request.url.includes('?')) {
      answer(200, { items: [{ ...connection, deletedAt: '2026-03-01T09:00:00.000Z' }] })(request, response)
    } else answer(200, connection)(request, response)
  }
  const { code, out } = await latchkey(['connections', 'delete', connection.id])
  expect([code, out]).toEqual([0, expect.stringMatching(new RegExp(`^deleted +${connection.id}\n`))])
  expect(server.seen.map(({ method, url: address }) => `${method} ${address}`)).toEqual([
    `GET /admin/v1/connections/${connection.id}`,
    `DELETE /admin/v1/connections/${connection.id}`,
  ])
  expect(server.seen[1]?.headers['idempotency-key']).toBeDefined()
  expect((await latchkey(['connections', 'list', '--deleted'])).out).toMatch(/DELETED\n.* 2026-03-01\n/)
  expect(server.seen[2]?.url).toContain('/admin/v1/connections?deleted=true')
})
