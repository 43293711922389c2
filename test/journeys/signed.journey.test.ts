import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { addPepper, digest, formatPeppers, generatePeppers, readAdminToken, readKey } from '#libs/credentials/index'
import { readSigningKey, signRequest, type SigningKey, writtenPublicKey } from '#libs/signatures/index'
import {
  type Connection,
  enterWorld,
  eventually,
  type OwnWorld,
  startWorld,
  type Told,
  user,
  type World,
} from '../world.ts'

let world: World
/** Its one key signs. */
let connection: Connection
let hmac: SigningKey

beforeAll(async () => {
  world = await enterWorld()
  ;({ connection, signing: hmac } = await signedConnection(world))
})
afterAll(() => world.stop())

/** A connection whose one key signs by a shared secret, once the gateway knows it. */
async function signedConnection(of: World): Promise<{ connection: Connection; signing: SigningKey }> {
  const made = await of.connection('other')
  await of.admin('POST', `/keys/${made.kid}/revoke`)
  const policy = { authentication: { method: 'signed', algorithm: 'hmac-sha256' } }
  const { body } = await of.admin('POST', `/connections/${made.id}/keys`, { policy })
  const signing = present(readSigningKey('hmac-sha256', body.signingSecret))
  const signed = { ...made, kid: body.kid, key: body.key }
  await eventually(
    () => send(signed, signing, 'GET', '/Users'),
    ({ status }) => status === 200,
  )
  return { connection: signed, signing }
}

function present<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('it is not there')
  return value
}

interface Change {
  /** When it is signed. */
  readonly at?: Date
  /** Value of Latchkey-Dry-Run, which the signature covers. */
  readonly dryRun?: string
  /** What is sent in place of what was signed. */
  readonly method?: string
  readonly path?: string
  readonly body?: string
  headers?(signed: Record<string, string>): Record<string, string | string[] | undefined>
}

interface Answered {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: Told
}

/** Signs the request, changes it, and sends it. */
async function send(
  { scimBaseUrl, kid, key }: Connection,
  signing: SigningKey,
  method: string,
  path: string,
  resource?: unknown,
  change: Change = {},
): Promise<Answered> {
  const url = new URL(`${scimBaseUrl}${path}`)
  const body = resource === undefined ? undefined : JSON.stringify(resource)
  const contentType = body === undefined ? undefined : 'application/scim+json'
  const signed = signRequest(
    { method, url, contentType, body: body === undefined ? undefined : Buffer.from(body), dryRun: change.dryRun },
    { keyid: kid, key: signing },
    { now: change.at ?? new Date() },
  )
  const headers = {
    authorization: `Bearer ${key}`,
    ...(contentType === undefined ? {} : { 'content-type': contentType }),
    ...(change.dryRun === undefined ? {} : { 'latchkey-dry-run': change.dryRun }),
    ...signed,
  }
  const called = new URL(`${scimBaseUrl}${change.path ?? path}`)
  const sent = change.headers?.(headers) ?? headers
  return sentTo(called, change.method ?? method, sent, change.body ?? body)
}

/** As fetch would not: a header twice, or of any bytes. */
async function sentTo(
  url: URL,
  method: string,
  headers: Record<string, string | string[] | undefined>,
  body: string | undefined,
): Promise<Answered> {
  const given = Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined)) as Record<
    string,
    string
  >
  const outgoing = httpRequest(url, { method, headers: given }).end(body)
  const [incoming] = await once(outgoing, 'response')
  const answer = await text(incoming)
  return {
    status: incoming.statusCode,
    headers: incoming.headers,
    body: answer === '' ? undefined : JSON.parse(answer),
  }
}

/** The record of what was refused last, once it is in the audit trail. */
async function lastRecord(kid: string, code: string): Promise<Told> {
  const records = await eventually(
    () => world.audit({ kid, outcome: code === 'nothing' ? 'accepted' : 'refused' }),
    (found) => code === 'nothing' || found[0]?.code === code,
  )
  return records[0]
}

test('signed requests are accepted and change what they say, each step in their record', async () => {
  const created = await send(connection, hmac, 'POST', '/Users', user(`ada-${randomUUID()}`))
  expect(created.status).toBe(201)
  const path = `/Users/${created.body.id}`
  const patched = {
    schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
    Operations: [{ op: 'replace', path: 'title', value: 'Countess' }],
  }
  expect((await send(connection, hmac, 'PATCH', path, patched)).body.title).toBe('Countess')
  const found = await send(
    connection,
    hmac,
    'GET',
    `/Users?filter=${encodeURIComponent('title eq "Countess"')}&count=1`,
  )
  expect(found.body.totalResults).toBe(1)
  expect((await send(connection, hmac, 'DELETE', path)).status).toBe(204)
  const record = await eventually(
    async () => (await world.audit({ kid: connection.kid, operation: 'users.delete' }))[0],
    (one) => one !== undefined,
  )
  expect(record.steps.map(({ step, decision }: Told) => [step, decision])).toContainEqual(['signature', 'passed'])
})

test('a request that somebody on the way makes a dry run is refused, and one that is signed as such is rehearsed', async () => {
  const { body: created } = await send(connection, hmac, 'POST', '/Users', user(`dry-${randomUUID()}`))
  const path = `/Users/${created.id}`
  const [url, now] = [new URL(`${connection.scimBaseUrl}${path}`), new Date()]
  const signed = signRequest({ method: 'DELETE', url }, { keyid: connection.kid, key: hmac }, { now })
  const headers = { authorization: `Bearer ${connection.key}`, ...signed }
  const refused = await sentTo(url, 'DELETE', { ...headers, 'latchkey-dry-run': 'true' }, undefined)
  expect(refused.status).toBe(401)
  expect(refused.headers['accept-signature']).toContain('"latchkey-dry-run"')
  expect((await lastRecord(connection.kid, 'signature-components')).steps.at(-1).step).toBe('signature')
  expect((await send(connection, hmac, 'DELETE', path, undefined, { dryRun: 'true' })).status).toBe(200)
  expect((await send(connection, hmac, 'GET', path)).status).toBe(200)
  expect((await sentTo(url, 'DELETE', headers, undefined)).status).toBe(204)
  expect((await send(connection, hmac, 'GET', path)).status).toBe(404)
})

test('the record of a request that nothing but its key proved claims no signature', async () => {
  const bearer = await world.connection('other')
  const { body } = await world.scim(bearer)('POST', '/Users', user(`bearer-${randomUUID()}`))
  const record = await eventually(
    async () => (await world.audit({ kid: bearer.kid, operation: 'users.create' }))[0],
    (one) => one?.subject.id === body.id,
  )
  expect(record.steps.map(({ step, decision }: Told) => [step, decision])).toContainEqual(['signature', 'skipped'])
})

test('a key that the operator gave the public key for signs by ed25519', async () => {
  const { privateKey } = generateKeyPairSync('ed25519')
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const policy = { authentication: { method: 'signed', algorithm: 'ed25519', publicKey: writtenPublicKey(pem) } }
  const { body } = await world.admin('POST', `/connections/${connection.id}/keys`, { policy })
  const other = { ...connection, kid: body.kid, key: body.key }
  const signing = present(readSigningKey('ed25519', pem))
  await eventually(
    () => send(other, signing, 'GET', '/Users'),
    ({ status }) => status === 200,
  )
  expect((await send(other, signing, 'POST', '/Users', user(`grace-${randomUUID()}`))).status).toBe(201)
  expect((await send(other, hmac, 'GET', '/Users')).status).toBe(401)
  await world.admin('POST', `/keys/${body.kid}/revoke`)
})

const hour = 3_600_000
const input =
  (change: (text: string) => string): Change['headers'] =>
  (signed) => ({ ...signed, 'Signature-Input': change(signed['Signature-Input'] ?? '') })
const refused: Readonly<Record<string, { readonly change: Change; readonly code: string }>> = {
  'without a signature': {
    change: { headers: (signed) => ({ ...signed, Signature: undefined }) },
    code: 'signature-missing',
  },
  'expired an hour ago': { change: { at: new Date(Date.now() - hour) }, code: 'signature-expired' },
  'signed an hour ahead': { change: { at: new Date(Date.now() + hour) }, code: 'signature-not-yet' },
  'with another method': { change: { method: 'PUT' }, code: 'signature-wrong' },
  'to another path': { change: { path: '/Groups' }, code: 'signature-wrong' },
  'with another query': { change: { path: '/Users?attributes=id' }, code: 'signature-wrong' },
  'with another body': { change: { body: JSON.stringify(user('trudy')) }, code: 'digest-mismatch' },
  'with another digest': {
    change: { headers: (signed) => ({ ...signed, 'Content-Digest': 'sha-256=:AAAA:' }) },
    code: 'signature-wrong',
  },
  'with the signature header twice': {
    change: { headers: (signed) => ({ ...signed, Signature: [signed['Signature'] ?? '', signed['Signature'] ?? ''] }) },
    code: 'signature-malformed',
  },
  'with the header that says what is signed twice': {
    change: {
      headers: (signed) => ({
        ...signed,
        'Signature-Input': [signed['Signature-Input'] ?? '', signed['Signature-Input'] ?? ''],
      }),
    },
    code: 'signature-malformed',
  },
  'with one label twice in a header': {
    change: { headers: (signed) => ({ ...signed, Signature: `${signed['Signature']}, ${signed['Signature']}` }) },
    code: 'signature-malformed',
  },
  'with a signature over something else': {
    change: {
      headers: (signed) => ({ ...signed, Signature: `latchkey=:${Buffer.alloc(32, 7).toString('base64')}:` }),
    },
    code: 'signature-wrong',
  },
  'with a signature that is no base64': {
    change: { headers: (signed) => ({ ...signed, Signature: signed['Signature']?.replace(/.{3}:$/, '*:') }) },
    code: 'signature-malformed',
  },
  'with a second label': {
    change: { headers: (signed) => ({ ...signed, Signature: [signed['Signature'] ?? '', 'other=:AAAA:'] }) },
    code: 'signature-several',
  },
  'under another label': {
    change: { headers: (signed) => ({ ...signed, Signature: signed['Signature']?.replace('latchkey=', 'other=') }) },
    code: 'signature-relabelled',
  },
  'with a signature that breaks off': {
    change: { headers: (signed) => ({ ...signed, Signature: signed['Signature']?.replace(/.{8}:$/, ':') }) },
    code: 'signature-wrong',
  },
  'with a character beyond ASCII': {
    change: { headers: input((words) => words.replace('nonce="', 'nonce="\u00e9')) },
    code: 'signature-malformed',
  },
  'by another algorithm': {
    change: { headers: input((words) => words.replace('hmac-sha256', 'ed25519')) },
    code: 'signature-wrong-algorithm',
  },
  'by another key': {
    change: { headers: input((words) => words.replace(/keyid="[^"]*"/, 'keyid="bbbbbbbbbbbb"')) },
    code: 'signature-of-another-key',
  },
  'without the query in it': {
    change: { headers: input((words) => words.replace(' "@query"', '')) },
    code: 'signature-components',
  },
  'without a nonce': {
    change: { headers: input((words) => words.replace(/;nonce="[^"]*"/, '')) },
    code: 'signature-parameters',
  },
}

for (const [name, { change, code }] of Object.entries(refused)) {
  test(`a request ${name} is refused as ${code}, and its record says so`, async () => {
    const answer = await send(connection, hmac, 'POST', '/Users', user('mallory'), change)
    expect(answer.status).toBe(401)
    expect(answer.headers['accept-signature']).toContain('latchkey=')
    expect(answer.body.detail).toMatch(/\. [A-Z]/)
    const record = await lastRecord(connection.kid, code)
    expect(record.steps.at(-1)).toMatchObject({ step: 'signature', decision: 'refused', code })
  })
}

test('a request is taken once: sent again as it is, it is refused as replayed', async () => {
  const url = new URL(`${connection.scimBaseUrl}/Users`)
  const signed = signRequest({ method: 'GET', url }, { keyid: connection.kid, key: hmac }, { now: new Date() })
  const headers = { authorization: `Bearer ${connection.key}`, ...signed }
  expect((await sentTo(url, 'GET', headers, undefined)).status).toBe(200)
  const again = await Promise.all(Array.from({ length: 5 }, () => sentTo(url, 'GET', headers, undefined)))
  expect(again.map(({ status }) => status)).toEqual([401, 401, 401, 401, 401])
  expect((await lastRecord(connection.kid, 'signature-replayed')).steps.at(-1).step).toBe('signature')
})

test('a request that is replayed to another address, or in the name of another key, is refused', async () => {
  const url = new URL(`${connection.scimBaseUrl}/Users`)
  const signed = signRequest({ method: 'GET', url }, { keyid: connection.kid, key: hmac }, { now: new Date() })
  const headers = { authorization: `Bearer ${connection.key}`, ...signed }
  const elsewhere = await sentTo(new URL(`${connection.scimBaseUrl}/Groups`), 'GET', headers, undefined)
  expect(elsewhere.status).toBe(401)
  expect((await lastRecord(connection.kid, 'signature-wrong')).path).toMatch(/\/Groups$/)
  const { connection: another } = await signedConnection(world)
  const stolen = { ...headers, authorization: `Bearer ${another.key}` }
  const answer = await sentTo(new URL(`${another.scimBaseUrl}/Users`), 'GET', stolen, undefined)
  expect(answer.status).toBe(401)
  const record = await eventually(
    async () => (await world.audit({ kid: another.kid, outcome: 'refused' }))[0],
    (found) => found?.code === 'signature-of-another-key',
  )
  expect(record.steps.at(-1)).toMatchObject({ step: 'signature', decision: 'refused' })
})

test('a deletion whose key is revoked while a body comes that it announced deletes nothing', async () => {
  const { connection: other, signing } = await signedConnection(world)
  const { body: created } = await send(other, signing, 'POST', '/Users', user(randomUUID()))
  const url = new URL(`${other.scimBaseUrl}/Users/${created.id}`)
  const [contentType, body] = ['application/scim+json', Buffer.from('{}')]
  const signed = signRequest(
    { method: 'DELETE', url, contentType, body },
    { keyid: other.kid, key: signing },
    { now: new Date() },
  )
  const headers = { ...signed, Host: url.host, Authorization: `Bearer ${other.key}`, 'Content-Type': contentType }
  const lines = Object.entries({ ...headers, 'Content-Length': 2, Connection: 'close' })
  const socket = connect(Number(url.port), url.hostname)
  const head = [`DELETE ${url.pathname} HTTP/1.1`, ...lines.map(([name, value]) => `${name}: ${value}`)]
  socket.write([...head, '', '{'].join('\r\n'))
  expect((await send(other, signing, 'GET', '/Users')).status).toBe(200)
  await world.admin('POST', `/keys/${other.kid}/revoke`)
  await eventually(
    () => send(other, signing, 'GET', '/Users'),
    ({ status }) => status === 401,
  )
  socket.write('}')
  expect(await text(socket)).toMatch(/^HTTP\/1\.1 401 /)
  const { body: next } = await world.admin('POST', `/connections/${other.id}/keys`)
  const found = await eventually(
    () => world.scim({ ...other, key: next.key })('GET', `/Users/${created.id}`),
    ({ status }) => status !== 401,
  )
  expect(found.status).toBe(200)
})

test('a NUL in a header is no HTTP, and reaches nobody', async () => {
  const { hostname, port, pathname } = new URL(`${connection.scimBaseUrl}/Users`)
  const socket = connect(Number(port), hostname)
  socket.write(
    `GET ${pathname} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${connection.key}\r\nSignature-Input: a\0b\r\n\r\n`,
  )
  expect(await text(socket)).toMatch(/^HTTP\/1\.1 400 /)
})

test('a secret opens at the gateway while nothing but its own tables can be asked, and nowhere stands in clear', async () => {
  const rows = await world.query('SELECT policy FROM gateway.known_key WHERE kid = $1', [connection.kid])
  const [data] = await world.query('SELECT * FROM gateway.known_data_key WHERE tenant = $1', [connection.tenant])
  expect(rows[0].policy.authentication.sealed).toMatch(new RegExp(`^${data.id}\\.`))
  expect(data.kek_id).toMatch(/^file:[\da-f]{16}$/)
})

describe('under a new pepper', () => {
  const peppers = addPepper(generatePeppers())
  let own: OwnWorld
  beforeAll(async () => {
    own = await startWorld({ LATCHKEY_PEPPERS: formatPeppers(peppers) })
  })
  afterAll(() => own.stop())

  test('a key that was digested under an older one is digested under the new at its next use, everywhere', async () => {
    const made = await own.connection('other')
    const read = readKey(made.key)
    if (read.kind === 'fault') throw new Error('it is a key')
    const old = [digest(peppers, 1, read.secret), made.kid]
    await own.query('UPDATE keys.provisioning_key SET pepper_version = 1, digest = $1 WHERE kid = $2', old)
    await own.query('UPDATE gateway.known_key SET pepper_version = 1, digest = $1 WHERE kid = $2', old)
    await own.query('INSERT INTO gateway.trust_change DEFAULT VALUES')
    const versions = async (): Promise<unknown[]> => {
      expect((await own.scim(made)('GET', '/Users')).status).toBe(200)
      const tables = ['keys.provisioning_key', 'gateway.known_key']
      const rows = await Promise.all(
        tables.map((table) => own.query(`SELECT pepper_version, digest FROM ${table} WHERE kid = $1`, [made.kid])),
      )
      return rows.flat().map((row) => [row.pepper_version, row.digest.equals(digest(peppers, 2, read.secret))])
    }
    await eventually(versions, (seen) => JSON.stringify(seen) === '[[2,true],[2,true]]')
    const told = await own.events(made.id)
    expect(told.filter(({ name }) => name === 'key-digest.renewed')).toHaveLength(1)
  })

  test('an admin token is likewise, once the keys service sees it used, and the other services hear of it', async () => {
    const { body } = await own.admin('POST', '/tokens', { name: 'of before', scopes: ['tenants:read', 'audit:read'] })
    const read = readAdminToken(body.token)
    if (read === undefined) throw new Error('it is a token')
    const schemas = ['keys', 'gateway', 'directory', 'audit']
    const rows = async (): Promise<Told[]> => {
      const found = await Promise.all(
        schemas.map((schema) => own.query(`SELECT * FROM ${schema}.admin_token WHERE id = $1`, [body.id])),
      )
      return found.flat()
    }
    await eventually(rows, ({ length }) => length === schemas.length)
    for (const schema of schemas) {
      await own.query(`UPDATE ${schema}.admin_token SET pepper_version = 1, digest = $1 WHERE id = $2`, [
        digest(peppers, 1, read.secret),
        body.id,
      ])
    }
    const bearer = { authorization: `Bearer ${body.token}` }
    await eventually(
      async () => {
        expect((await own.admin('GET', '/tenants', undefined, bearer)).status).toBe(200)
        return (await rows()).map((row) => [row.pepper_version, row.digest.equals(digest(peppers, 2, read.secret))])
      },
      (seen) => seen.every(([version, isNew]) => version === 2 && isNew),
    )
    expect((await own.admin('GET', `/tokens/${body.id}`)).headers.get('etag')).toMatch(/^"1\./)
    const elsewhere = await eventually(
      () => own.auditAdmin('GET', '/detections', undefined, bearer),
      ({ body: answered }) => answered.code !== 'unavailable',
    )
    expect(elsewhere.body.code).toBe('scopeMissing')
    const told = (await own.events()).filter(({ subject }) => subject === body.id)
    expect(told.map(({ name }) => name).sort()).toEqual(['admin-token-digest.renewed', 'admin-token.minted'])
  })
})
