import { readAddress } from '#libs/addresses/index'
import { ScimError } from '#libs/scim/index'
import type { Passage } from './way-in.ts'
import { certificate } from './certificate.ts'

const now = new Date('2026-03-01T10:00:00Z')
const day = 86_400_000
const good = {
  thumbprint: 'ab'.repeat(32),
  validFrom: new Date(now.getTime() - day),
  validTo: new Date(now.getTime() + day),
}

type Shown = ReturnType<NonNullable<Passage['arrival']['caller']['certificate']>>

function codeOf(shown: Shown | undefined, allowed = [good.thumbprint]): string {
  const caller = {
    text: '192.0.2.7',
    address: readAddress('192.0.2.7'),
    link: 'tls',
    isProxied: false,
    ...(shown === undefined ? {} : { certificate: () => shown }),
  } as const
  const arrival: Passage['arrival'] = {
    requestId: '',
    method: 'GET',
    connectionId: 'c1',
    path: '/Users',
    query: new URLSearchParams(),
    target: '/scim/v2/c1/Users',
    headers: {},
    breach: undefined,
    caller,
    receivedAt: now,
    began: 0,
    traceId: '',
    traceparent: '',
    readBody: async () => Buffer.alloc(0),
  }
  try {
    certificate({ arrival, steps: [], recorded: false }, allowed, now)
    return 'passed'
  } catch (error) {
    return error instanceof ScimError ? error.code : String(error)
  }
}

test('a key of mutual TLS passes with a certificate that it names, within its time, and with no other', () => {
  expect(codeOf(good)).toBe('passed')
  expect(codeOf(good, ['cd'.repeat(32), good.thumbprint])).toBe('passed')
  expect(codeOf(undefined)).toBe('certificate-missing')
  expect(codeOf({ ...good, thumbprint: 'cd'.repeat(32) })).toBe('certificate-unknown')
  expect(codeOf({ ...good, validTo: new Date(now.getTime() - 1) })).toBe('certificate-expired')
  expect(codeOf({ ...good, validFrom: new Date(now.getTime() + 1) })).toBe('certificate-not-yet')
  expect(codeOf('unreadable')).toBe('certificate-unreadable')
})
