import { freePort } from '#libs/process/index'
import { adminServer, answer, token } from './test/admin-server.ts'

const server = adminServer()
const { latchkey } = server

const detection = {
  id: 'd1',
  rule: 'wrong-secret',
  severity: 'high',
  state: 'muted',
  mutedUntil: '2026-04-01T10:00:00.000Z',
  tenant: 'acme',
  connection: 'c1',
  environment: 'live',
  subject: { kind: 'connection', id: 'c1' },
  count: 7,
  firstSeen: '2026-03-01T10:00:00.000Z',
  lastSeen: '2026-03-01T10:05:00.000Z',
  requests: ['r1', 'r2'],
  cause: 'Somebody tries secrets.',
  fix: 'Paste the key again.',
}

test('detections are listed, shown with cause and fix, acknowledged and muted at the audit service', async () => {
  await server.dataFolder({ url: `http://127.0.0.1:${await freePort()}`, services: `audit ${server.url}` })
  const env = { LATCHKEY_ADMIN_TOKEN: token }
  server.respond = answer(200, { items: [detection] })
  const listed = await latchkey(
    ['detections', 'list', '--state', 'muted', '--tenant', 'acme', '--environment', 'live'],
    env,
  )
  expect(server.seen[0]?.url).toBe('/admin/v1/detections?tenant=acme&environment=live&state=muted&limit=200')
  expect(listed.out).toMatch(/^ID +RULE +SEVERITY .*\nd1 +wrong-secret +high +muted +connection c1 +7 /)
  server.respond = answer(200, detection)
  const shown = await latchkey(['detections', 'show', 'd1'], env)
  expect(shown.out).toMatch(
    /^state +muted until 2026-04-01T10:00:00.000Z\n[^]*^environment +live\n[^]*^requests +r1, r2\ncause +Somebody tries secrets.\nfix +Paste the key again.$/m,
  )
  let sent: unknown
  server.respond = (request, response) => {
    sent = request.headers['content-type'] === undefined ? undefined : JSON.parse(request.body)
    answer(200, detection)(request, response)
  }
  expect((await latchkey(['detections', 'mute', 'd1', '--for', '8h'], env)).code).toBe(0)
  expect(sent).toEqual({ for: '8h' })
  expect((await latchkey(['detections', 'acknowledge', 'd1'], env)).code).toBe(0)
  expect((await latchkey(['detections', 'unmute', 'd1'], env)).code).toBe(0)
  expect(server.seen.slice(2).map((request) => `${request.method} ${request.url}`)).toEqual([
    'POST /admin/v1/detections/d1/mute',
    'POST /admin/v1/detections/d1/acknowledge',
    'POST /admin/v1/detections/d1/unmute',
  ])
})

test('no more detections are asked for and listed than --limit says', async () => {
  await server.dataFolder({ url: server.url })
  server.respond = answer(200, { items: [detection, { ...detection, id: 'd2' }], next: 'more' })
  const { code, out } = await latchkey(['detections', 'list', '--limit', '2', '--json'], {
    LATCHKEY_ADMIN_TOKEN: token,
  })
  expect([code, JSON.parse(out)]).toMatchObject([0, [{ id: 'd1' }, { id: 'd2' }]])
  expect(server.seen.map(({ url }) => url)).toEqual(['/admin/v1/detections?limit=2'])
})
