import { Diagnosis, type JsonValue, resourceTypes } from '#libs/scim/index'
import { defaultSettings } from '#libs/events/index'
import { captureOf, isCaptured } from './capture.ts'
import { findEndpoint } from './endpoints.ts'
import type { KnownConnection } from './principal.ts'
import { Pseudonyms } from './pseudonyms.ts'
import type { Passage } from './way-in.ts'

const pseudonyms = ({ connection }: KnownConnection): Pseudonyms => new Pseudonyms(Buffer.alloc(32, 1), connection)

function passage(method: string, target: string, body?: JsonValue): Passage {
  const [path = '', query = ''] = target.split('?')
  return {
    arrival: {
      requestId: '01a20e52-426b-7001-83a3-51975df3f104',
      method,
      connectionId: 'c1',
      path,
      query: new URLSearchParams(query),
      headers: { accept: 'application/json', authorization: 'Bearer secret' },
      breach: undefined,
      caller: { text: '192.0.2.7', address: { text: '192.0.2.7', family: 'ipv4' }, link: 'tls', isProxied: false },
      receivedAt: new Date(),
      began: 0,
      traceId: '',
      traceparent: '',
      target: '',
      readBody: async () => Buffer.alloc(0),
    },
    steps: [],
    recorded: false,
    connection: {
      tenant: 'acme',
      connection: 'c1',
      environment: 'sandbox',
      identityProvider: 'other',
      enabled: true,
      settings: defaultSettings,
      types: resourceTypes,
    },
    endpoint: findEndpoint(method, path),
    diagnosis: new Diagnosis(),
    body,
  }
}

test.each([
  ['POST', '/Users/.search'],
  ['POST', '/.search'],
  ['POST', '/Bulk'],
  ['GET', '/ResourceTypes/User'],
  ['GET', '/Schemas/urn:ietf:params:scim:schemas:core:2.0:User'],
  ['GET', '/ServiceProviderConfig'],
])('words of the protocol stay in the path: %s %s', (method, path) => {
  expect(captureOf(passage(method, path, {}), pseudonyms)).toMatchObject({ method, path })
})

test('an id in the path that is none of ours is hidden, and so are values of the query, each of several', () => {
  const capture = captureOf(passage('GET', '/Users/ada@example.com?attributes=emails&x=ada&x=bob&ada@x.y='), pseudonyms)
  expect(capture?.path).toMatch(/^\/Users\/[a-z]{3}@[a-z]{7}\.[a-z]{3}$/)
  expect(capture?.query).toMatch(/^attributes=emails&x=[a-z]{3}&x=[a-z]{3}&[a-z]{3}%40[a-z]\.[a-z]=$/)
  expect(JSON.stringify(capture)).not.toMatch(/ada|bob|secret/i)
})

test('a body that is too large is not kept, whatever its length was said to be', () => {
  const large = { userName: 'ada', title: 'x'.repeat(256 * 1024) }
  expect(captureOf(passage('POST', '/Users', large), pseudonyms)).toBeUndefined()
  expect(isCaptured({ ...passage('POST', '/Users', {}), bodySize: 256 * 1024 + 1 })).toBe(false)
  expect(isCaptured({ ...passage('POST', '/Users', {}), bodySize: 256 * 1024 })).toBe(true)
})
