import { makeEvent, type RequestDecided } from '#libs/events/index'
import { latestTokenUses } from './token-use.ts'

const now = new Date('2026-03-01T10:00:00.000Z')
const subject = '00000000-0000-4000-8000-000000000000'

function asked(minute: number, address: string, of: Partial<RequestDecided>) {
  return makeEvent(
    'request.decided',
    { source: 'keys', subject, owner: '', version: 1, time: now },
    {
      requestId: subject,
      surface: 'admin',
      tenant: null,
      connection: null,
      environment: null,
      identityProvider: null,
      kid: null,
      actor: 'one',
      method: 'GET',
      path: '/admin/v1/tenants',
      operation: 'tenants.list',
      address,
      userAgent: null,
      steps: [{ step: 'admin-token', decision: 'passed', microseconds: 0 }],
      outcome: 'accepted',
      status: 200,
      code: null,
      detail: null,
      subject: null,
      changed: [],
      events: [],
      deviations: [],
      receivedAt: `2026-03-01T09:0${minute}:00.000Z`,
      microseconds: 1,
      traceId: 'a'.repeat(32),
      ...of,
    },
  )
}

test.each([
  ['was revoked', 401, 'tokenRevoked'],
  ['has expired', 401, 'tokenExpired'],
  ['is for other addresses', 403, 'addressRefused'],
])('a request refused because the token %s is no use of it', (_, status, code) => {
  const steps = [{ step: 'admin-token', decision: 'refused' as const, code, microseconds: 1 }]
  const refused = asked(2, '198.51.100.1', { steps, outcome: 'refused', status, code })
  expect(latestTokenUses([refused], now)).toEqual([])
  expect(latestTokenUses([asked(1, '192.0.2.1', {}), refused], now)).toMatchObject([{ address: '192.0.2.1' }])
})

test('a request that the token let in is a use of it, whatever became of the request', () => {
  const failed = { outcome: 'refused', status: 404, code: 'notFound' } as const
  const steps: RequestDecided['steps'] = [
    { step: 'admin-token', decision: 'passed', microseconds: 0 },
    { step: 'request', decision: 'refused', code: 'notFound', microseconds: 1 },
  ]
  const uses = latestTokenUses([asked(2, '192.0.2.2', { ...failed, steps }), asked(1, '192.0.2.1', {})], now)
  expect(uses).toEqual([
    { token: 'one', at: new Date('2026-03-01T09:02:00.000Z'), address: '192.0.2.2', userAgent: null },
  ])
})
