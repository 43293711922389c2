import { type Event, makeEvent, type Payload } from '#libs/events/index'
import { exposures } from './exposure.ts'

const early = new Date('2026-11-29T12:00:00.000Z')
const late = new Date('2026-11-29T12:00:05.000Z')

function decided(facts: Partial<Payload<'request.decided'>>): Event<'request.decided'> {
  const origin = { source: 'gateway', subject: 'r1', owner: 'c1', version: 1, time: early } as const
  return makeEvent('request.decided', origin, {
    requestId: 'r1',
    surface: 'scim',
    tenant: 'acme',
    connection: 'c1',
    environment: 'live',
    identityProvider: 'okta',
    kid: 'k1',
    method: 'GET',
    path: '/scim/v2/c1/Users',
    operation: null,
    address: '203.0.113.9',
    userAgent: null,
    steps: [],
    outcome: 'refused',
    status: 403,
    code: 'key-in-clear',
    detail: null,
    subject: null,
    changed: [],
    events: [],
    deviations: [],
    receivedAt: early.toISOString(),
    microseconds: 1,
    traceId: '',
    ...facts,
  })
}

test('of each live key that came in clear and worked, the first request exposes it', () => {
  const requests = [
    decided({ receivedAt: late.toISOString(), address: '203.0.113.10' }),
    decided({}),
    decided({ kid: 'k2', receivedAt: late.toISOString() }),
  ]
  expect(exposures(requests, late).map(({ kid, at, address }) => [kid, at, address])).toEqual([
    ['k1', early, '203.0.113.9'],
    ['k2', late, '203.0.113.9'],
  ])
})

test.each([{ environment: 'sandbox' }, { kid: null }, { code: 'plain-http' }, { code: null, status: 200 }] as const)(
  'a request of %j exposes none',
  (facts) => expect(exposures([decided(facts)], late)).toEqual([]),
)
