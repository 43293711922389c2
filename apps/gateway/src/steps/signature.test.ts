import { randomBytes } from 'node:crypto'
import { memoryNonces, type Nonces, noNonces } from '#libs/cache/index'
import { defaultPolicy, type KeyAuthentication } from '#libs/events/index'
import { readAddress } from '#libs/addresses/index'
import { errors, ScimError } from '#libs/scim/index'
import { SealingError } from '#libs/sealing/index'
import { readSigningKey, readVerifyingKey, signRequest } from '#libs/signatures/index'
import type { KnownKey } from '../principal.ts'
import type { Passage, WayInParts } from '../way-in.ts'
import { signature } from './signature.ts'

const kid = 'aB3dE5gH7jK9'
const secret = randomBytes(32).toString('base64url')
const base = 'https://scim.example.com/latchkey/scim/v2/c1'
const bodyLimit = 1_000

const keyWith = (authentication: KeyAuthentication): KnownKey => ({
  tenant: 'acme',
  connection: 'c1',
  environment: 'live',
  kid,
  pepperVersion: 1,
  digest: Buffer.alloc(32),
  state: 'active',
  policy: { ...defaultPolicy, authentication },
  allowed: undefined,
})
const signing = keyWith({ method: 'signed', algorithm: 'hmac-sha256', sealed: 'dk.sealed' })

interface Sent {
  readonly method?: string
  readonly url?: string
  readonly body?: string
  readonly at?: Date
  readonly nonce?: string
}

/** The request as the gateway is given it by a proxy that takes "/latchkey" off, and changes the Host. */
function passageOf(
  { method = 'POST', url = `${base}/Users?a=b%20c`, body = '{}', at = new Date(), nonce }: Sent = {},
  key = signing,
) {
  const called = new URL(url)
  const bytes = body === '' ? undefined : Buffer.from(body)
  const signer = readSigningKey('hmac-sha256', secret)
  if (signer === undefined) throw new Error('the secret is one')
  const request = { method, url: called, contentType: 'application/scim+json', body: bytes }
  const signed = signRequest(
    request,
    { keyid: kid, key: signer },
    { now: at, ...(nonce === undefined ? {} : { nonce }) },
  )
  const headers: Record<string, string | undefined> = {
    host: 'gateway.internal:8080',
    'content-type': 'application/scim+json',
  }
  if (bytes !== undefined) headers['content-length'] = String(bytes.length)
  for (const [name, value] of Object.entries(signed)) headers[name.toLowerCase()] = value
  let reads = 0
  const passage: Passage = {
    steps: [],
    recorded: false,
    key,
    arrival: {
      requestId: 'r1',
      method,
      connectionId: 'c1',
      path: '/Users',
      query: called.searchParams,
      target: `${called.pathname.replace('/latchkey', '')}${called.search}`,
      headers,
      breach: undefined,
      caller: { text: '127.0.0.1', address: readAddress('127.0.0.1'), link: 'tls', isProxied: false },
      receivedAt: new Date(),
      began: 0,
      traceId: '',
      traceparent: '',
      async readBody(limit) {
        reads++
        if ((bytes?.length ?? 0) > limit) throw errors.payloadTooLarge(limit)
        return bytes ?? Buffer.alloc(0)
      },
    },
  }
  return { passage, headers, reads: () => reads }
}

/** Nonces of a process that began so many milliseconds ago, whose clock is behind by as many. */
function noncesSince(milliseconds: number, limit = 1_000): Nonces {
  const ahead = { before: new Map(), keep: async () => true }
  return memoryNonces({ clock: () => new Date(Date.now() - milliseconds), limit, ahead })
}

type Found = Awaited<ReturnType<WayInParts['signatures']['keys']['of']>>

function signaturesOf(nonces: Pick<Nonces, 'take'>, found: Found = readVerifyingKey('hmac-sha256', secret)) {
  return { publicUrl: new URL('https://scim.example.com/latchkey/'), keys: { of: async () => found }, nonces }
}

const failures: unknown[] = []
/** What a gateway of these nonces finds out. */
function gateway(nonces: Pick<Nonces, 'take'> = noncesSince(60_000), found?: Found) {
  const parts = {
    bodyLimits: { each: bodyLimit, bulk: bodyLimit },
    signatures: signaturesOf(nonces, found),
    failed: (error: unknown) => failures.push(error),
  }
  return async (passage: Passage): Promise<string> => {
    try {
      await signature(passage, parts)
      return 'passed'
    } catch (error) {
      if (!(error instanceof ScimError)) throw error
      expect(error.status).toBe(
        error.headers['Retry-After'] === '5' ? 503 : error.code === 'payload-too-large' ? 413 : 401,
      )
      const hasBody = passage.arrival.method !== 'GET'
      if (error.status === 401) expect(error.headers['WWW-Authenticate']).toContain('Bearer')
      if (error.status === 401 && error.code !== 'certificate-missing')
        expect(error.headers['Accept-Signature']).toBe(
          `latchkey=("@method" "@authority" "@path" "@query"${hasBody ? ' "content-type" "content-digest"' : ''});created;expires;tag="latchkey"`,
        )
      return error.code
    }
  }
}

test('a request that was signed for the public address passes, whatever a proxy made of Host and path', async () => {
  const ask = gateway()
  expect(await ask(passageOf().passage)).toBe('passed')
  expect(await ask(passageOf({ method: 'GET', body: '', url: `${base}/Users` }).passage)).toBe('passed')
  expect(await ask(passageOf({ url: 'https://gateway.internal:8080/latchkey/scim/v2/c1/Users' }).passage)).toBe(
    'signature-wrong',
  )
  expect(await ask(passageOf({ url: 'https://scim.example.com/scim/v2/c1/Users' }).passage)).toBe('signature-wrong')
})

test('a nonce is remembered until the last moment at which any gateway takes its signature', async () => {
  const begun = Date.now()
  let now = begun
  const ahead = { before: new Map(), keep: async () => true }
  const nonces = memoryNonces({ clock: () => new Date(now), limit: 1_000, ahead })
  now += 5_000
  const { passage, headers } = passageOf({ at: new Date(now) })
  const sentAt = (time: number): Passage => ({
    ...passage,
    arrival: { ...passage.arrival, receivedAt: new Date(time) },
  })
  const ask = gateway(nonces)
  expect(await ask(sentAt(now))).toBe('passed')
  const expires = Number(/;expires=(\d+)/.exec(headers['signature-input'] ?? '')?.[1]) * 1_000
  for (const left of [200_000, 100_000, 1_000]) {
    now = expires - left
    expect([left, await ask(sentAt(now))]).toEqual([left, 'signature-replayed'])
  }
  // Here it has expired; at a gateway whose clock is behind by a minute it has not.
  now = expires + 59_000
  expect(await ask(sentAt(expires - 1_000))).toBe('signature-replayed')
  expect(await ask(sentAt(now))).toBe('signature-expired')
})

test('a signature for another address is refused with the one that is wanted', async () => {
  const { passage } = passageOf({ url: 'https://10.0.0.5:8080/scim/v2/c1/Users' })
  const parts = {
    bodyLimits: { each: bodyLimit, bulk: bodyLimit },
    signatures: signaturesOf(noncesSince(60_000)),
    failed: () => undefined,
  }
  await expect(signature(passage, parts)).rejects.toMatchObject({
    code: 'signature-wrong',
    detail: expect.stringContaining('@authority scim.example.com, and an @path that begins with /latchkey '),
  })
})

test('a key that does not sign passes as it is, and nothing is read', async () => {
  const { passage, reads } = passageOf({}, keyWith({ method: 'bearer' }))
  expect(await gateway(noNonces)(passage)).toBe('passed')
  expect(reads()).toBe(0)
})

test('a key of mutual TLS does not pass without its certificate, whatever it signs', async () => {
  const ask = gateway()
  expect(await ask(passageOf({}, keyWith({ method: 'mtls', certificates: ['a'.repeat(64)] })).passage)).toBe(
    'certificate-missing',
  )
})

test('a nonce is taken once, and no earlier than all else is proved', async () => {
  const ask = gateway()
  const nonce = 'a-nonce-of-16-and-more'
  const tampered = passageOf({ nonce })
  tampered.headers['content-digest'] = 'sha-256=:AAAA:'
  expect(await ask(tampered.passage)).toBe('signature-wrong')
  const changed = passageOf({ nonce })
  changed.passage.bytes = Buffer.from('{"a":1}')
  expect(await ask(changed.passage)).toBe('digest-mismatch')
  expect(await ask(passageOf({ nonce }).passage)).toBe('passed')
  expect(await ask(passageOf({ nonce }).passage)).toBe('signature-replayed')
  expect(await ask(passageOf({ nonce, method: 'PUT' }).passage)).toBe('signature-replayed')
  expect(await ask(passageOf().passage)).toBe('passed')
})

test('the body is read once, within the limit, and not before the signature is proved', async () => {
  const ask = gateway()
  const good = passageOf()
  expect(await ask(good.passage)).toBe('passed')
  expect([good.reads(), good.passage.bytes?.toString()]).toEqual([1, '{}'])
  const wrong = passageOf({ url: `${base}/Groups` })
  wrong.headers['content-type'] = 'application/json'
  expect([await ask(wrong.passage), wrong.reads()]).toEqual(['signature-wrong', 0])
  expect(await ask(passageOf({ body: 'x'.repeat(bodyLimit + 1) }).passage)).toBe('payload-too-large')
})

test('a body that the signature does not cover is not read, however it is announced', async () => {
  const ask = gateway()
  for (const [name, value] of [
    ['content-length', '2'],
    ['transfer-encoding', 'chunked'],
    ['content-length', 'two'],
  ] as const) {
    const { passage, headers, reads } = passageOf({ method: 'DELETE', body: '' })
    headers[name] = value
    expect([await ask(passage), reads()]).toEqual(['signature-components', 0])
  }
})

test('what is not known is not accepted: without a store of nonces, or one that began after the signature', async () => {
  expect(await gateway(noNonces)(passageOf().passage)).toBe('nonces-away')
  const begun = gateway(noncesSince(1_000))
  expect(await begun(passageOf({ at: new Date(Date.now() - 3_000) }).passage)).toBe('nonces-away')
  expect(await begun(passageOf().passage)).toBe('passed')
  const full = gateway(noncesSince(60_000, 1))
  expect([await full(passageOf().passage), await full(passageOf().passage)]).toEqual(['passed', 'nonces-away'])
})

test('a secret that cannot be opened yet is waited for, and the operator hears why it cannot', async () => {
  failures.length = 0
  const nonces = noncesSince(60_000)
  expect(await gateway(nonces, { kind: 'unheard' })(passageOf().passage)).toBe('signing-secret-away')
  expect(failures).toEqual([])
  const error = new SealingError('kek-away', 'it is away')
  expect(await gateway(nonces, { kind: 'sealed', error })(passageOf().passage)).toBe('signing-secret-away')
  expect(failures).toEqual([error])
})

test('a signature that is missing, late, early or of another is refused by its own code', async () => {
  const ask = gateway()
  const unsigned = passageOf()
  delete unsigned.headers['signature']
  expect(await ask(unsigned.passage)).toBe('signature-missing')
  expect(await ask(passageOf({ at: new Date(Date.now() - 3_600_000) }).passage)).toBe('signature-expired')
  expect(await ask(passageOf({ at: new Date(Date.now() + 3_600_000) }).passage)).toBe('signature-not-yet')
  expect(await ask(passageOf({}, { ...signing, kid: 'bbbbbbbbbbbb' }).passage)).toBe('signature-of-another-key')
})
