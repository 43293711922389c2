import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders, request as httpRequest } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { mintKey } from '#libs/credentials/index'
import { freePort } from '#libs/process/index'
import {
  digestFault,
  isProvedBy,
  messageOf,
  readSignature,
  readVerifyingKey,
  type VerifyingKey,
  writtenPublicKey,
} from '#libs/signatures/index'
import { run } from './run.ts'
import { type SigningProxy, startSigningProxy } from './signing-proxy.ts'
import { readKeyFile } from './key-file.ts'

const folder = mkdtempSync(join(tmpdir(), 'latchkey-signing-'))
const { kid, text: key } = mintKey('sandbox')
const secret = randomBytes(32).toString('base64url')
const pem = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
const verifying = {
  hmac: present(readVerifyingKey('hmac-sha256', secret)),
  ed25519: present(readVerifyingKey('ed25519', writtenPublicKey(pem) ?? '')),
}
writeFileSync(join(folder, 'hmac.json'), JSON.stringify({ key, algorithm: 'hmac-sha256', secret }), { mode: 0o600 })
writeFileSync(join(folder, 'ed25519.json'), JSON.stringify({ key, algorithm: 'ed25519', privateKey: pem }), {
  mode: 0o600,
})
writeFileSync(join(folder, 'user.json'), '{"userName":"ada"}')

interface Received {
  readonly method: string
  readonly target: string
  readonly headers: IncomingHttpHeaders
  readonly raw: readonly string[]
  readonly body: string
}

/** What Latchkey would be sent. */
const received: Received[] = []
let answer: { status: number; headers: Record<string, string | string[]>; body: string } = {
  status: 200,
  headers: {},
  body: '',
}
const target = createServer((request, response) => {
  void (async () => {
    const body = await text(request)
    const { method = '', url = '', headers, rawHeaders: raw } = request
    received.push({ method, target: url, headers, raw, body })
    response.writeHead(answer.status, answer.headers).end(answer.body)
  })()
})
let to: string

beforeAll(async () => {
  await once(target.listen(0, '127.0.0.1'), 'listening')
  const address = target.address()
  to = `http://127.0.0.1:${typeof address === 'string' ? '' : address?.port}/scim/v2/c1`
})
afterAll(() => {
  target.close()
  target.closeAllConnections()
  rmSync(folder, { recursive: true })
})
beforeEach(() => {
  received.length = 0
  answer = { status: 200, headers: {}, body: '' }
})

function present<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('it is not there')
  return value
}

/** As the gateway judges it. */
function isGenuine(
  url: string,
  { method, headers, body }: Pick<Received, 'method' | 'headers' | 'body'>,
  by: VerifyingKey,
): boolean {
  const flat = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]))
  const message = messageOf(method, new URL(url), flat)
  const read = readSignature(message, { keyid: kid, algorithm: by.algorithm, hasBody: body !== '', now: new Date() })
  const digest = flat['content-digest']
  if (read.kind === 'fault' || !isProvedBy(by, read)) return false
  return digest === undefined ? body === '' : digestFault(digest, Buffer.from(body)) === undefined
}

async function latchkey(...args: string[]) {
  let out = ''
  let err = ''
  const code = await run(args, {
    env: {},
    folder,
    out: (words) => void (out += words),
    err: (words) => void (err += words),
  })
  return { code, out, err }
}

describe('latchkey sign', () => {
  test('prints the headers of a request that then is genuine, the key among them', async () => {
    for (const name of ['hmac', 'ed25519'] as const) {
      const { code, out } = await latchkey(
        'sign',
        'post',
        `${to}/Users`,
        '--body',
        'user.json',
        '--key',
        `${name}.json`,
      )
      expect(code).toBe(0)
      const headers = Object.fromEntries(
        out
          .trim()
          .split('\n')
          .map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 2)]),
      )
      expect(headers['authorization']).toBe(`Bearer ${key}`)
      expect(isGenuine(`${to}/Users`, { method: 'POST', headers, body: '{"userName":"ada"}' }, verifying[name])).toBe(
        true,
      )
    }
  })

  test('signs for the address as it is called, and says so where it was written otherwise', async () => {
    const { out, err } = await latchkey('sign', 'GET', `${to}/Users?filter=userName eq "ada"`, '--key', 'hmac.json')
    expect(err).toContain(`call exactly that`)
    expect(err).toContain('filter=userName%20eq%20%22ada%22')
    expect(out).not.toContain('Content-')
  })

  test('tells what is wrong with a key file, and uses none that others may read', async () => {
    writeFileSync(join(folder, 'open.json'), '{}', { mode: 0o600 })
    chmodSync(join(folder, 'open.json'), 0o640)
    expect(await latchkey('sign', 'GET', to, '--key', 'open.json')).toMatchObject({
      code: 3,
      err: expect.stringContaining('chmod 600'),
    })
    writeFileSync(join(folder, 'bad.json'), JSON.stringify({ key, algorithm: 'hmac-sha256', secret: 'short-secret' }), {
      mode: 0o600,
    })
    const bad = await latchkey('sign', 'GET', to, '--key', 'bad.json')
    expect(bad).toMatchObject({ code: 2, err: expect.stringContaining('is no key file') })
    expect(bad.err).not.toContain('short-secret')
    expect((await latchkey('sign', 'GET', to, '--key', 'none.json')).code).toBe(2)
    expect((await latchkey('sign', 'GET', 'nowhere', '--key', 'hmac.json')).code).toBe(2)
  })
})

describe('the signing proxy', () => {
  let proxy: SigningProxy
  const bearer = { authorization: `Bearer ${key}` }

  async function start(change: Partial<Parameters<typeof startSigningProxy>[0]> = {}): Promise<SigningProxy> {
    const own = await readKeyFile(join(folder, 'hmac.json'))
    return startSigningProxy({ to: new URL(to), key: own, host: '127.0.0.1', port: 0, bodyLimit: 1_000, ...change })
  }
  function startProgram(target: string) {
    const main = fileURLToPath(new URL('./main.js', import.meta.url))
    const key = join(folder, 'hmac.json')
    return spawn(process.execPath, [main, 'sign-proxy', '--to', target, '--key', key, '--port', '0'])
  }
  async function addressOf(program: ReturnType<typeof startProgram>): Promise<string> {
    const [line] = await once(program.stdout, 'data')
    return /SCIM base URL: (http:\/\/127\.0\.0\.1:\d+)/.exec(String(line))?.[1] ?? ''
  }
  beforeEach(async () => {
    proxy = await start()
  })
  afterEach(() => proxy.stop())

  test('signs each request anew, and passes on what it says and what is answered', async () => {
    answer = {
      status: 201,
      headers: {
        etag: 'W/"1"',
        location: 'there',
        'set-cookie': ['a=1', 'b=2'],
        'content-type': 'application/scim+json',
      },
      body: '{"id":"1"}',
    }
    const sent = await fetch(`${proxy.url}/Users?a=b%20c`, {
      method: 'POST',
      headers: {
        ...bearer,
        'content-type': 'application/scim+json; charset=utf-8',
        'x-own': 'kept',
        signature: 'a=:AAAA:',
        'content-digest': 'md5=:AAAA:',
      },
      body: '{"userName":"ada"}',
    })
    expect([sent.status, sent.headers.get('etag'), sent.headers.getSetCookie(), await sent.text()]).toEqual([
      201,
      'W/"1"',
      ['a=1', 'b=2'],
      '{"id":"1"}',
    ])
    const [one] = received
    expect(one).toMatchObject({ method: 'POST', target: '/scim/v2/c1/Users?a=b%20c', body: '{"userName":"ada"}' })
    expect(one?.headers).toMatchObject({
      ...bearer,
      'x-own': 'kept',
      'content-type': 'application/scim+json; charset=utf-8',
    })
    expect(isGenuine(`${to}/Users?a=b%20c`, present(one), verifying.hmac)).toBe(true)
    await fetch(`${proxy.url}/Users`, { headers: { authorization: key } })
    await fetch(`${proxy.url}/Users`, { headers: bearer })
    const nonces = received.map(({ headers }) => /nonce="([^"]*)"/.exec(String(headers['signature-input']))?.[1])
    expect(new Set(nonces).size).toBe(3)
    expect(isGenuine(`${to}/Users`, present(received[2]), verifying.hmac)).toBe(true)
  })

  test('passes on an answer without a body, also to HEAD, and a refusal', async () => {
    answer = { status: 204, headers: {}, body: '' }
    expect((await fetch(`${proxy.url}/Users/1`, { method: 'DELETE', headers: bearer })).status).toBe(204)
    expect((await fetch(`${proxy.url}/Users`, { method: 'HEAD', headers: bearer })).status).toBe(204)
    answer = { status: 409, headers: {}, body: '{"scimType":"uniqueness"}' }
    expect(await (await fetch(`${proxy.url}/Users`, { headers: bearer })).json()).toEqual({ scimType: 'uniqueness' })
  })

  test('signs for nobody who does not present the key', async () => {
    for (const authorization of [undefined, 'Bearer ', `Bearer ${key}x`, `Bearer ${mintKey('sandbox').text}`]) {
      const headers = authorization === undefined ? {} : { authorization }
      expect((await fetch(`${proxy.url}/Users`, { headers })).status).toBe(401)
    }
    expect(received).toEqual([])
  })

  test('sends nothing on of a body beyond the limit, however long it says it is', async () => {
    const big = 'x'.repeat(1_001)
    expect((await fetch(`${proxy.url}/Users`, { method: 'POST', headers: bearer, body: big })).status).toBe(413)
    const chunked = httpRequest(`${proxy.url}/Users`, {
      method: 'POST',
      headers: { ...bearer, 'transfer-encoding': 'chunked' },
    })
    chunked.on('error', () => {})
    chunked.write(big)
    const [refused] = await once(chunked, 'response')
    expect(refused.statusCode).toBe(413)
    chunked.destroy()
    expect(received).toEqual([])
  })

  test('signs for no address that leads out of the SCIM base URL', async () => {
    const { port } = new URL(proxy.url)
    const paths = [
      '/%2e%2e/x',
      '/../../admin/v1/tenants',
      '/Users/.%2E/..?a=b',
      '/./Users',
      '/%2E',
      '//Users',
      '/Users//1',
    ]
    for (const path of [...paths, '/..\\..\\x', '/a%2F..%5cx', '*', 'http://127.0.0.1/Users']) {
      const sent = httpRequest({ host: '127.0.0.1', port, path, headers: bearer }).end()
      const [refused] = await once(sent, 'response')
      let said = ''
      for await (const piece of refused) said += String(piece)
      expect([path, refused.statusCode, said]).toEqual([path, 400, expect.stringContaining('follows that URL')])
    }
    expect(received).toEqual([])
    for (const path of ['/Users/', '/Users/a..b?filter=x%20eq%20%22../y%22', '/Users/...']) {
      expect((await fetch(`${proxy.url}${path}`, { headers: bearer })).status).toBe(answer.status)
    }
    expect(received.map(({ target }) => target)).toContain('/scim/v2/c1/Users/...')
  })

  test('a body in pieces is sent on whole and signed', async () => {
    const pieces = httpRequest(`${proxy.url}/Users`, {
      method: 'POST',
      headers: { ...bearer, 'content-type': 'application/json' },
    })
    for (const piece of ['{"userName"', ':', '"ada"}']) pieces.write(piece)
    pieces.end()
    await once(pieces, 'response')
    expect(received[0]?.body).toBe('{"userName":"ada"}')
    expect(isGenuine(`${to}/Users`, present(received[0]), verifying.hmac)).toBe(true)
  })

  test('says so when Latchkey cannot be asked', async () => {
    const nowhere = await start({ to: new URL(`http://127.0.0.1:${await freePort('127.0.0.1')}/scim/v2/c1`) })
    const sent = await fetch(`${nowhere.url}/Users`, { headers: bearer })
    expect([sent.status, await sent.json()]).toMatchObject([502, { detail: expect.stringContaining('--to') }])
    await nowhere.stop()
  })

  test('breaks an answer off that Latchkey breaks off, and goes on', async () => {
    let reset: () => unknown = () => undefined
    const breaking = createServer((_request, response) => {
      response.writeHead(200, { 'content-length': 100 }).write('{"Resources":[')
      reset = () => response.socket?.resetAndDestroy()
    })
    await once(breaking.listen(0, '127.0.0.1'), 'listening')
    const address = breaking.address()
    const port = typeof address === 'string' ? 0 : (address?.port ?? 0)
    const program = startProgram(`http://127.0.0.1:${port}/scim/v2/c1`)
    const url = await addressOf(program)
    for (let time = 0; time < 2; time++) {
      const sent = await fetch(`${url}/Users`, { headers: bearer })
      expect(sent.status).toBe(200)
      reset()
      await expect(sent.text()).rejects.toThrow('terminated')
    }
    program.kill('SIGTERM')
    expect(await once(program, 'exit')).toEqual([0, null])
    breaking.close()
  })

  test('as a program, listens on this machine alone and ends with 0 when it is told to', async () => {
    const program = startProgram(to)
    const url = await addressOf(program)
    expect((await fetch(`${url}/Users`, { headers: bearer })).status).toBe(200)
    program.kill('SIGTERM')
    expect(await once(program, 'exit')).toEqual([0, null])
  })
})

describe('keys mint', () => {
  const minted = {
    kid,
    connection: 'c1',
    environment: 'sandbox',
    state: 'pending',
    scimBaseUrl: 'http://x/scim/v2/c1',
    createdAt: '2026-03-01T10:00:00.000Z',
    endedAt: null,
    lastUsed: null,
    key,
  }
  const admin = () => ({
    env: { LATCHKEY_URL: to.replace('/scim/v2/c1', ''), LATCHKEY_ADMIN_TOKEN: 'a-token-of-the-tests' },
    folder,
    out: () => {},
    err: (words: string) => void (said += words),
  })
  let said = ''
  beforeEach(() => {
    said = ''
    answer = {
      status: 201,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...minted, signingSecret: secret }),
    }
  })

  test('saves the key with what it signs with, for its owner alone, and not over another file', async () => {
    expect(
      await run(['keys', 'mint', '--connection', 'c1', '--signed', 'hmac-sha256', '--save', 'made.json'], admin()),
    ).toBe(0)
    expect(JSON.parse(received[0]?.body ?? '')).toEqual({
      policy: { authentication: { method: 'signed', algorithm: 'hmac-sha256' } },
    })
    expect(statSync(join(folder, 'made.json')).mode & 0o777).toBe(0o600)
    expect((await readKeyFile(join(folder, 'made.json'))).signer.keyid).toBe(kid)
    expect(
      await run(['keys', 'mint', '--connection', 'c1', '--signed', 'hmac-sha256', '--save', 'made.json'], admin()),
    ).toBe(1)
    expect([received.length, said]).toEqual([1, expect.stringContaining('nothing was asked of the server')])
  })

  test('makes a pair for ed25519, of which the private key goes nowhere but into the file', async () => {
    answer.body = JSON.stringify(minted)
    expect(
      await run(
        [
          'keys',
          'mint',
          '--connection',
          'c1',
          '--signed',
          'ed25519',
          '--save',
          'pair.json',
          '--scopes',
          'read,users',
          '--allow',
          '10.0.0.0/8',
          '--rate',
          '5/10',
          '--expires',
          '2027-01-01T00:00:00Z',
        ],
        admin(),
      ),
    ).toBe(0)
    const saved = JSON.parse(readFileSync(join(folder, 'pair.json'), 'utf8'))
    expect(JSON.parse(received[0]?.body ?? '')).toEqual({
      policy: {
        allowlist: ['10.0.0.0/8'],
        scopes: ['read', 'users'],
        expiresAt: '2027-01-01T00:00:00Z',
        rate: { perSecond: 5, burst: 10 },
        authentication: { method: 'signed', algorithm: 'ed25519', publicKey: writtenPublicKey(saved.privateKey) },
      },
    })
  })

  test('that was refused leaves no file, and options that do not go together mint nothing', async () => {
    answer = {
      status: 503,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ detail: 'The KEK is away.' }),
    }
    const mint = ['keys', 'mint', '--connection', 'c1']
    expect(await run([...mint, '--signed', 'hmac-sha256', '--save', 'refused.json'], admin())).toBe(1)
    expect(() => statSync(join(folder, 'refused.json'))).toThrow('ENOENT')
    received.length = 0
    for (const wrong of [
      ['--signed', 'ed25519'],
      ['--save', 'x.json'],
      ['--public-key', 'user.json'],
      ['--signed', 'rsa'],
      ['--signed', 'ed25519', '--public-key', 'user.json'],
      ['--rate', 'fast'],
    ]) {
      expect([wrong, await run([...mint, ...wrong], admin())]).toEqual([wrong, 2])
    }
    expect(received).toEqual([])
  })

  test('whose answer was lost leaves no file', async () => {
    const { key: _, ...lost } = minted
    const mint = ['keys', 'mint', '--connection', 'c1', '--signed', 'hmac-sha256', '--save', 'lost.json']
    for (const body of [lost, minted]) {
      answer.body = JSON.stringify(body)
      expect(await run(mint, admin())).toBe(1)
      expect(said).toContain('was lost, and it is shown only once')
      expect(() => statSync(join(folder, 'lost.json'))).toThrow('ENOENT')
    }
  })

  test.each(['hmac-sha256', 'ed25519'])(
    'whose file cannot be written shows the key all the same, by %s',
    async (algorithm) => {
      if (algorithm === 'ed25519') answer.body = JSON.stringify(minted)
      const main = fileURLToPath(new URL('./main.js', import.meta.url))
      const mint = ['keys', 'mint', '--connection', 'c1', '--signed', algorithm, '--save', 'full.json']
      // No byte may be written to any file.
      const program = spawn('sh', ['-c', 'ulimit -f 0; exec "$0" "$@"', process.execPath, main, ...mint], {
        cwd: folder,
        env: { ...process.env, ...admin().env },
      })
      const [out, err, [code]] = await Promise.all([text(program.stdout), text(program.stderr), once(program, 'exit')])
      expect([code, out, err]).toEqual([1, expect.stringContaining(key), expect.stringContaining('EFBIG')])
      expect(err).toContain(algorithm === 'ed25519' ? `latchkey keys revoke ${kid}` : 'Keep what was printed')
      expect(() => statSync(join(folder, 'full.json'))).toThrow('ENOENT')
    },
  )
})

describe('keys rotate and reveal, for a key that signs by hmac-sha256,', () => {
  const of = {
    connection: 'c1',
    policy: { authentication: { method: 'signed', algorithm: 'hmac-sha256' } },
  }
  const rotation = {
    ...of,
    id: '01a20e52-426b-7001-83a3-51975df3f104',
    mode: 'safe',
    graceHours: 24,
    state: 'running',
    startedAt: '2026-03-01T10:00:00.000Z',
    startedBy: { kind: 'schedule' },
    dueAt: '2026-03-15T10:00:00.000Z',
    hardEnd: null,
    cutOverAt: null,
    until: null,
    extensions: 0,
    endedAt: null,
    endedBy: null,
    outcome: null,
    newKey: { kid, firstUsed: null, lastUsed: null },
    oldKey: { kid: 'abcdefghijkl', lastUsed: null, stillUsed: false },
  }
  const known = {
    ...of,
    kid,
    environment: 'sandbox',
    state: 'pending',
    scimBaseUrl: 'http://x/scim/v2/c1',
    createdAt: '2026-03-01T10:00:00.000Z',
    endedAt: null,
    lastUsed: null,
  }
  const commands = {
    rotate: { args: ['keys', 'rotate', '--connection', 'c1'], body: { ...rotation, keyShown: 'once' } },
    reveal: { args: ['keys', 'reveal', kid], body: known },
  }
  async function asked(args: string[], ...bodies: object[]) {
    const server = createServer((_request, response) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(bodies.shift())),
    )
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const address = server.address()
    let [out, err] = ['', '']
    const env = {
      LATCHKEY_URL: `http://127.0.0.1:${typeof address === 'string' ? '' : address?.port}`,
      LATCHKEY_ADMIN_TOKEN: 'a-token-of-the-tests',
    }
    const code = await run(args, {
      env,
      folder,
      out: (words) => void (out += words),
      err: (words) => void (err += words),
    })
    server.close()
    server.closeAllConnections()
    return { code, out, err }
  }

  test.each(Object.entries(commands))(
    '%s shows the signing secret, and saves it where it is told to',
    async (name, { args, body }) => {
      const shown = await asked(args, { ...body, key, signingSecret: secret })
      expect(shown).toMatchObject({ code: 0, err: '' })
      expect(shown.out).toMatch(new RegExp(`^key +${key}$`, 'm'))
      expect(shown.out).toMatch(new RegExp(`^signing secret +${secret}$`, 'm'))
      const saved = `${name}d.json`
      expect((await asked([...args, '--save', saved], { ...body, key, signingSecret: secret })).code).toBe(0)
      expect(statSync(join(folder, saved)).mode & 0o777).toBe(0o600)
      expect(JSON.parse(readFileSync(join(folder, saved), 'utf8'))).toEqual({ key, algorithm: 'hmac-sha256', secret })
    },
  )

  test.each(Object.entries(commands))(
    '%s tells of a signing secret that was lost with its answer',
    async (_name, { args, body }) => {
      const lost = await asked(args, { ...body, key, keyShown: 'again' }, known)
      expect(lost).toMatchObject({ code: 1, out: '', err: expect.stringContaining('its signing secret was lost') })
      expect(lost.err).toContain('--force')
    },
  )

  test('rotate with a token that may not see keys tells who reveals the new one, and leaves no file', async () => {
    const { args, body } = commands.rotate
    const withheld = await asked([...args, '--save', 'withheld.json'], { ...body, revealable: true })
    expect(withheld).toMatchObject({ code: 0, err: '' })
    expect(withheld.out).toContain(`latchkey keys reveal ${kid}`)
    expect(() => statSync(join(folder, 'withheld.json'))).toThrow('ENOENT')
  })

  test.each(Object.entries(commands))(
    '%s shows a key that has nothing to be saved, says so and leaves no file',
    async (_name, { args, body }) => {
      const bearer = { policy: { authentication: { method: 'bearer' } } }
      const shown = await asked([...args, '--save', 'bearer.json'], { ...body, ...bearer, key })
      expect(shown).toMatchObject({
        code: 1,
        out: expect.stringContaining(key),
        err: expect.stringContaining('was not saved'),
      })
      expect(() => statSync(join(folder, 'bearer.json'))).toThrow('ENOENT')
    },
  )
})

test('keys change sends what was named and nothing else, and asks nothing when nothing was', async () => {
  answer = {
    status: 200,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      kid,
      connection: 'c1',
      environment: 'live',
      state: 'active',
      scimBaseUrl: 'x',
      createdAt: 'x',
      endedAt: null,
      lastUsed: null,
      policy: {},
    }),
  }
  const world = {
    env: { LATCHKEY_URL: new URL(to).origin, LATCHKEY_ADMIN_TOKEN: 'a-token-of-the-tests' },
    folder,
    out: () => {},
    err: () => {},
  }
  expect(await run(['keys', 'change', kid, '--allow', 'any', '--expires', 'never', '--rate', 'default'], world)).toBe(0)
  expect(received).toMatchObject([{ method: 'PATCH', target: `/admin/v1/keys/${kid}` }])
  expect(JSON.parse(received[0]?.body ?? '')).toEqual({ policy: { allowlist: [], expiresAt: null, rate: null } })
  expect(await run(['keys', 'change', kid], world)).toBe(2)
  expect(received).toHaveLength(1)
})

test('keys rewrap goes on until all is done, and tells how far it is', async () => {
  const kek = { id: 'file:0123456789abcdef', version: '1' }
  let remaining = 5
  const server = createServer((_request, response) => {
    const done = Math.min(2, remaining)
    remaining -= done
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify({ kek, rewrapped: done, remaining }))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const address = server.address()
  let out = ''
  let err = ''
  const env = {
    LATCHKEY_URL: `http://127.0.0.1:${typeof address === 'string' ? '' : address?.port}`,
    LATCHKEY_ADMIN_TOKEN: 'a-token-of-the-tests',
  }
  expect(
    await run(['keys', 'rewrap'], {
      env,
      folder,
      out: (words) => void (out += words),
      err: (words) => void (err += words),
    }),
  ).toBe(0)
  expect(err.trim().split('\n')).toEqual(
    [2, 4].map((done) => `latchkey: ${done} of 5 data keys are wrapped by ${kek.id}`),
  )
  expect(out).toContain('5 data keys were wrapped anew')
  server.close()
  server.closeAllConnections()
})
