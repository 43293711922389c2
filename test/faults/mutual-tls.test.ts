import { X509Certificate } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { Agent, type AgentOptions } from 'node:https'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { connect, type SecureVersion } from 'node:tls'
import { jest } from '@jest/globals'
import { z } from 'zod'
import { certified, type CertifiedKey, selfSigned, thumbprintOf } from '../certificates.ts'
import { type Answer, ask, type Asked, Ground, newUser, type Program, until } from './running-program.ts'

jest.setTimeout(180_000)

/** Clients that show certificates to the real program, which speaks TLS itself. */
const ground = new Ground()
const files = { LATCHKEY_TLS_CERT: join(ground.path, 'cert.pem'), LATCHKEY_TLS_KEY: join(ground.path, 'key.pem') }
const server = selfSigned('server')
const day = 86_400_000

const client = certified('client')
const expired = certified('client', { from: Date.now() - 2 * day, to: Date.now() - day })
const notYet = certified('client', { from: Date.now() + day, to: Date.now() + 2 * day })
const namesake = certified('client')
const ca = { name: 'an authority', key: selfSigned('an authority').key }
const reissued = certified('client', { key: client.key, authority: ca })

let program: Program
let pinned: Key
beforeAll(async () => {
  serverShows(server)
  const others = { LATCHKEY_TRUSTED_PROXIES: '10.0.0.0/8', LATCHKEY_PROXY_CLIENT_CERT: 'true' }
  program = await ground.start(ground.folder(), { ...files, ...others })
  pinned = await mint(client, expired, notYet)
})
afterAll(() => ground.end())

function serverShows({ cert, key }: CertifiedKey): void {
  writeFileSync(files.LATCHKEY_TLS_CERT, cert)
  writeFileSync(files.LATCHKEY_TLS_KEY, key)
}

const agents: Agent[] = []
afterAll(() => agents.forEach((agent) => agent.destroy()))

/** Of a client that shows the certificate, or none. */
function showing(shown: CertifiedKey | undefined, options: AgentOptions = {}): Agent {
  const agent = new Agent({ ca: server.cert, ...shown, ...options })
  agents.push(agent)
  return agent
}
const bare = showing(undefined)
const holder = showing(client)

interface Key {
  readonly kid: string
  readonly key: string
  readonly connection: string
}

const made = z.looseObject({ id: z.string().default(''), kid: z.string().default(''), key: z.string().default('') })

async function admin(path: string, asked: Partial<Asked>): Promise<z.infer<typeof made>> {
  const given = { token: program.adminToken, agent: bare, ...asked }
  const { status, body } = await ask(`${program.url}/admin/v1${path}`, given)
  if (status >= 300) throw new Error(`${path} was answered ${status}: ${JSON.stringify(body)}`)
  return made.parse(body)
}

/** A key of a connection of its own that the gateway knows: taken with one of these certificates alone, or as it is. */
async function mint(...certificates: readonly CertifiedKey[]): Promise<Key> {
  const tenant = await admin('/tenants', { body: { name: crypto.randomUUID() } })
  const { id: connection } = await admin(`/tenants/${tenant.id}/connections`, { body: { name: 'people' } })
  const policy =
    certificates.length === 0
      ? {}
      : { authentication: { method: 'mtls', certificates: certificates.map((one) => thumbprintOf(one)) } }
  const minted = { ...(await admin(`/connections/${connection}/keys`, { body: { policy } })), connection }
  const isUnknown = async (): Promise<boolean> =>
    JSON.stringify(await list(minted, bare)).includes('This key is not known here')
  await until('the gateway knows the key', async () => !(await isUnknown()))
  return minted
}

function list({ key, connection }: Key, agent: Agent, asked: Partial<Asked> = {}): Promise<Answer> {
  return ask(`${program.url}/scim/v2/${connection}/Users?count=0`, { token: key, agent, ...asked })
}

const records = z.object({
  items: z.array(
    z.object({
      kid: z.string().nullable(),
      userAgent: z.string().nullable(),
      address: z.string(),
      outcome: z.string(),
      status: z.number(),
      code: z.string().nullable(),
      steps: z.array(z.object({ step: z.string(), decision: z.string(), code: z.string().optional() })),
    }),
  ),
})

/** Lists users: the status, the challenge, and the record of it, of whose steps the one that asks for a certificate is told. */
async function told(key: Key, agent: Agent, headers: Asked['headers'] = {}) {
  const mark = crypto.randomUUID()
  const answer = await list(key, agent, { headers: { 'user-agent': mark, ...headers } })
  const found = async () => {
    const { body } = await ask(`${program.url}/audit/v1/records?surface=scim&limit=50`, {
      token: program.adminToken,
      agent: bare,
    })
    return records.parse(body).items.find(({ userAgent }) => userAgent === mark)
  }
  await until('the record is in the audit trail', async () => (await found()) !== undefined)
  const record = await found()
  const step = record?.steps.find(({ step: name }) => name === 'signature')
  return {
    status: answer.status,
    challenge: answer.headers['www-authenticate'],
    record: { ...record, step: step?.decision },
  }
}

const accepted = {
  status: 200,
  record: expect.objectContaining({ outcome: 'accepted', status: 200, step: 'passed', code: null }),
}
const refused = (code: string) => ({
  status: 401,
  challenge: expect.stringContaining('error="invalid_token"'),
  record: expect.objectContaining({ outcome: 'refused', status: 401, step: 'refused', code }),
})

/** As RFC 9440 section 2.2 has it. */
const inHeader = ({ cert }: CertifiedKey): string => `:${new X509Certificate(cert).raw.toString('base64')}:`

describe('a key of mutual TLS, over TLS of our own', () => {
  test('is taken with its certificate, which its record says was proved', async () => {
    expect(await told(pinned, holder)).toMatchObject(accepted)
    const created = await ask(`${program.url}/scim/v2/${pinned.connection}/Users`, {
      token: pinned.key,
      agent: holder,
      body: newUser('ada'),
    })
    expect(created.status).toBe(201)
  })

  test.each([
    ['without a certificate', undefined, 'certificate-missing'],
    ['with one that has expired', expired, 'certificate-expired'],
    ['with one that is not good yet', notYet, 'certificate-not-yet'],
    ['with one of the same subject', namesake, 'certificate-unknown'],
    ['with one for the same key by another authority', reissued, 'certificate-unknown'],
    [
      'with one of the same subject by another authority',
      certified('client', { authority: ca }),
      'certificate-unknown',
    ],
  ])('%s it is refused, and its record says by which step and why', async (_what, shown, code) => {
    const seen = await told(pinned, showing(shown))
    expect(seen).toMatchObject(refused(code))
    expect(seen.record).toMatchObject({ kid: pinned.kid })
  })

  test('what somebody says of a certificate who is no listed proxy is not heeded', async () => {
    const claim = { 'client-cert': inHeader(client), 'x-forwarded-for': '203.0.113.9', 'x-forwarded-proto': 'https' }
    expect(await told(pinned, bare, claim)).toMatchObject(refused('certificate-missing'))
    expect(await told(pinned, showing(namesake), claim)).toMatchObject(refused('certificate-unknown'))
    expect(await told(pinned, holder, { 'client-cert': inHeader(namesake) })).toMatchObject(accepted)
  })

  test('a certificate does for the keys alone that name it, and stands for no key', async () => {
    const other = await mint(namesake)
    expect(await told(other, holder)).toMatchObject(refused('certificate-unknown'))
    const bearer = await mint()
    const seen = await told(bearer, holder)
    expect([seen.status, seen.record.step]).toEqual([200, 'skipped'])
    const elsewhere = await told({ ...bearer, connection: pinned.connection }, holder)
    expect([elsewhere.status, elsewhere.record.code]).toEqual([403, 'key-of-another-connection'])
    expect(await told({ ...pinned, key: '' }, holder)).toMatchObject({ status: 401, record: { code: 'key-empty' } })
  })

  test.each(['TLSv1.2', 'TLSv1.3'] as const)('is known also where a session of %s is resumed', async (version) => {
    const first = await overSocket(version)
    expect([first.status, first.isResumed]).toEqual(['200', false])
    const second = await overSocket(version, first.session)
    expect([second.status, second.isResumed]).toEqual(['200', true])
  })

  async function overSocket(version: SecureVersion, session?: Buffer) {
    const { hostname, port } = new URL(program.url)
    const versions = { minVersion: version, maxVersion: version }
    const resuming = session === undefined ? {} : { session }
    const socket = connect({ host: hostname, port: Number(port), ca: server.cert, ...client, ...versions, ...resuming })
    let given: Buffer | undefined
    let isResumed: boolean | undefined
    socket.on('session', (next) => (given = next))
    socket.once('secureConnect', () => (isResumed = socket.isSessionReused()))
    const lines = [
      `GET /scim/v2/${pinned.connection}/Users?count=0 HTTP/1.1`,
      `Host: ${hostname}:${port}`,
      `Authorization: Bearer ${pinned.key}`,
      'Connection: close',
    ]
    socket.write(`${lines.join('\r\n')}\r\n\r\n`)
    const answer = await text(socket)
    return { status: answer.split(' ')[1], isResumed, session: given }
  }
})

describe('a connection that is kept open', () => {
  /** Of one socket, however often it is asked; `sockets` tells how many there were. */
  function kept(shown: CertifiedKey): { agent: Agent; sockets: () => number } {
    const agent = showing(shown, { keepAlive: true, maxSockets: 1 })
    const seen = new Set<unknown>()
    agent.on('free', (socket) => void seen.add(socket))
    return { agent, sockets: () => seen.size }
  }

  test('is refused once its key is revoked', async () => {
    const key = await mint(client)
    const { agent, sockets } = kept(client)
    expect((await list(key, agent)).status).toBe(200)
    await admin(`/keys/${key.kid}/revoke`, { body: {} })
    await until('the key is refused', async () => (await list(key, agent)).status === 401)
    const { record } = await told(key, agent)
    expect([record.code, sockets()]).toEqual(['key-revoked', 1])
  })

  test('is refused once its certificate is replaced in the policy, and the new one is taken', async () => {
    const key = await mint(client)
    const [before, after] = [kept(client), kept(namesake)]
    expect((await list(key, before.agent)).status).toBe(200)
    expect((await list(key, after.agent)).status).toBe(401)
    const body = { policy: { certificates: [thumbprintOf(namesake)] } }
    await admin(`/keys/${key.kid}`, { method: 'PATCH', body })
    await until('the new one is taken', async () => (await list(key, after.agent)).status === 200)
    expect(await told(key, before.agent)).toMatchObject(refused('certificate-unknown'))
    expect(await told(key, after.agent)).toMatchObject(accepted)
    expect([before.sockets(), after.sockets()]).toEqual([1, 1])
  })

  test('goes on when the server is given another certificate, by which new ones are met with that of the client asked for as before', async () => {
    const { agent, sockets } = kept(client)
    expect((await list(pinned, agent)).status).toBe(200)
    const next = selfSigned('the next server')
    serverShows(next)
    await until('it is told', () => program.stderr.includes('new connections are met with the new certificate'))
    expect(await list(pinned, agent)).toMatchObject({ status: 200 })
    expect(sockets()).toBe(1)
    expect((await list(pinned, showing(client, { ca: next.cert }))).status).toBe(200)
    expect((await list(pinned, showing(undefined, { ca: next.cert }))).status).toBe(401)
    await expect(list(pinned, showing(client))).rejects.toThrow(/self-signed/)
  })
})

describe('a certificate that a listed proxy tells of', () => {
  const through = { 'x-forwarded-for': '203.0.113.9', 'x-forwarded-proto': 'https' }
  const tells = (header: string | readonly string[]) => ({ ...through, 'client-cert': header })

  beforeAll(async () => {
    await program.stop()
    serverShows(server)
    const proxy = { LATCHKEY_TRUSTED_PROXIES: '127.0.0.1', LATCHKEY_PROXY_CLIENT_CERT: 'true' }
    program = await ground.start(program.data, { ...files, ...proxy })
  })

  test('counts as if its client had shown it to us', async () => {
    const seen = await told(pinned, bare, tells(inHeader(client)))
    expect(seen).toMatchObject(accepted)
    expect(seen.record).toMatchObject({ kid: pinned.kid, address: '203.0.113.9' })
    expect(await told(pinned, bare, tells(inHeader(namesake)))).toMatchObject(refused('certificate-unknown'))
    expect(await told(pinned, bare, tells(inHeader(expired)))).toMatchObject(refused('certificate-expired'))
    expect(await told(pinned, bare, through)).toMatchObject(refused('certificate-missing'))
  })

  test('is never that of the proxy itself', async () => {
    expect(await told(pinned, holder, through)).toMatchObject(refused('certificate-missing'))
    expect(await told(pinned, holder)).toMatchObject(refused('certificate-missing'))
    expect(await told(pinned, holder, tells(inHeader(namesake)))).toMatchObject(refused('certificate-unknown'))
  })

  const good = inHeader(client)
  test.each([
    ['that is there twice', [good, good]],
    ['that holds two', `${good}, ${good}`],
    ['beside which another stands', [good, inHeader(namesake)]],
    ['without colons', good.slice(1, -1)],
    ['as PEM', encodeURIComponent(client.cert)],
    ['that is no base64', good.replace(/.{4}:$/, '*:')],
    ['that is cut off', `${good.slice(0, 200)}:`],
    ['of something else', `:${Buffer.from('a certificate').toString('base64')}:`],
  ])('in a header %s is none', async (_what, header) => {
    expect(await told(pinned, bare, tells(header))).toMatchObject(refused('certificate-unreadable'))
  })

  test('does not make up for what came in clear', async () => {
    const seen = await told(pinned, bare, { ...tells(good), 'x-forwarded-proto': 'http' })
    expect([seen.status, seen.record.code]).toEqual([403, 'key-in-clear'])
  })
})
