import { freePort } from '#libs/process/index'
import { adminServer, answer, token } from './test/admin-server.ts'

const server = adminServer()
const { latchkey } = server

test('what was deleted is listed and restored at the gateway, where each service is a program', async () => {
  const record = {
    id: 'r1',
    kind: 'User',
    name: 'ada',
    version: 2,
    createdAt: '2026-03-01T10:00:00.000Z',
    deletedAt: '2026-03-02T10:00:00.000Z',
    restorableUntil: '2026-04-01T10:00:00.000Z',
  }
  await server.dataFolder({ url: `http://127.0.0.1:${await freePort()}`, services: `gateway ${server.url}` })
  const env = { LATCHKEY_ADMIN_TOKEN: token }
  server.respond = answer(200, { items: [record] })
  const listed = await latchkey(['deleted', 'list', '--connection', 'c1', '--name', 'Ada B'], env)
  expect(server.seen[0]?.url).toBe('/admin/v1/connections/c1/deleted?name=Ada%20B&limit=200')
  expect(listed.out).toMatch(/^ID +KIND +NAME +DELETED +RESTORABLE UNTIL\nr1 +User +ada .* 2026-04-01T10:00:00.000Z\n$/)
  server.respond = answer(200, record)
  const restored = await latchkey(['deleted', 'restore', 'r1', '--connection', 'c1'], env)
  expect([server.seen[1]?.method, server.seen[1]?.url]).toEqual(['POST', '/admin/v1/connections/c1/deleted/r1/restore'])
  expect([restored.code, restored.out]).toEqual([0, expect.stringMatching(/^id +r1\nkind +User\nname +ada\n$/)])
})
