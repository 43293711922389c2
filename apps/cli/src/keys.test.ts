import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync, statSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text as read } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { mintKey } from '#libs/credentials/index'
import { writtenPublicKey } from '#libs/signatures/index'
import { selfSigned, thumbprintOf } from '#test/certificates'
import { readKeyFile } from './key-file.ts'
import { adminServer, answer } from './test/admin-server.ts'
import { key } from './test/answered.ts'

const server = adminServer()
const { latchkey } = server

describe('a key that proves itself otherwise', () => {
  test('tells where it is exchanged, also below a path', async () => {
    const scimBaseUrl = `https://scim.example.com/latchkey/scim/v2/${key.connection}`
    server.respond = answer(201, { ...key, scimBaseUrl, key: 'lk_live_x' })
    const { code, out } = await latchkey(['keys', 'mint', '--connection', key.connection, '--oauth'])
    expect(code).toBe(0)
    expect(out).toMatch(/^token endpoint +https:\/\/scim\.example\.com\/latchkey\/oauth2\/token$/m)
    expect(out).toMatch(new RegExp(`^client id +${key.connection}$`, 'm'))
    expect((await latchkey(['keys', 'mint', '--connection', key.connection])).out).not.toContain('token endpoint')
  })

  test('is given other certificates, all that are named', async () => {
    const certificates = [selfSigned('one'), selfSigned('other')]
    await Promise.all(certificates.map(({ cert }, index) => writeFile(join(server.folder, `${index}.pem`), cert)))
    let sent: unknown
    server.respond = (request, response) => {
      sent = JSON.parse(request.body)
      answer(200, { ...key, policy: {} })(request, response)
    }
    const change = ['keys', 'change', key.kid, '--certificate', '0.pem', '--certificate', '1.pem']
    expect((await latchkey(change)).code).toBe(0)
    expect(sent).toEqual({ policy: { certificates: certificates.map((one) => thumbprintOf(one)) } })
  })
})

describe('keys mint', () => {
  const { kid, text } = mintKey('sandbox')
  const secret = randomBytes(32).toString('base64url')
  const minted = {
    kid,
    connection: 'c1',
    environment: 'sandbox',
    state: 'pending',
    scimBaseUrl: 'http://x/scim/v2/c1',
    createdAt: '2026-03-01T10:00:00.000Z',
    endedAt: null,
    lastUsed: null,
    key: text,
  }
  beforeEach(() => {
    server.respond = answer(201, { ...minted, signingSecret: secret })
  })

  test('saves the key with what it signs with, for its owner alone, and not over another file', async () => {
    const mint = ['keys', 'mint', '--connection', 'c1', '--signed', 'hmac-sha256', '--save', 'made.json']
    expect((await latchkey(mint)).code).toBe(0)
    expect(JSON.parse(server.seen[0]?.body ?? '')).toEqual({
      policy: { authentication: { method: 'signed', algorithm: 'hmac-sha256' } },
    })
    expect(statSync(join(server.folder, 'made.json')).mode & 0o777).toBe(0o600)
    expect(readKeyFile(join(server.folder, 'made.json')).signer.keyid).toBe(kid)
    const { code, err } = await latchkey(mint)
    expect([code, server.seen.length, err]).toEqual([
      1,
      1,
      expect.stringMatching(/Nothing was asked.*is there already/),
    ])
    const nowhere = await latchkey([...mint.slice(0, -1), 'nowhere/made.json'])
    expect([nowhere.code, nowhere.err]).toEqual([1, expect.stringMatching(/ENOENT.*Make its folder writable/)])
  })

  test('makes a pair for ed25519, of which the private key goes nowhere but into the file', async () => {
    server.respond = answer(201, minted)
    expect(
      (
        await latchkey([
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
        ])
      ).code,
    ).toBe(0)
    const saved = JSON.parse(readFileSync(join(server.folder, 'pair.json'), 'utf8'))
    expect(JSON.parse(server.seen[0]?.body ?? '')).toEqual({
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
    server.respond = answer(503, { detail: 'The KEK is away.' })
    await writeFile(join(server.folder, 'user.json'), '{"userName":"ada"}')
    const mint = ['keys', 'mint', '--connection', 'c1']
    expect((await latchkey([...mint, '--signed', 'hmac-sha256', '--save', 'refused.json'])).code).toBe(1)
    expect(() => statSync(join(server.folder, 'refused.json'))).toThrow('ENOENT')
    const before = server.seen.length
    for (const wrong of [
      ['--signed', 'ed25519'],
      ['--save', 'x.json'],
      ['--public-key', 'user.json'],
      ['--signed', 'rsa'],
      ['--signed', 'ed25519', '--public-key', 'user.json'],
      ['--rate', 'fast'],
    ]) {
      expect([wrong, (await latchkey([...mint, ...wrong])).code]).toEqual([wrong, 2])
    }
    expect(server.seen).toHaveLength(before)
  })

  test('whose answer was lost leaves no file', async () => {
    const { key: _, ...lost } = minted
    const mint = ['keys', 'mint', '--connection', 'c1', '--signed', 'hmac-sha256', '--save', 'lost.json']
    for (const body of [lost, minted]) {
      server.respond = answer(201, body)
      const { code, err } = await latchkey(mint)
      expect(code).toBe(1)
      expect(err).toContain('was lost, and it is shown only once')
      expect(() => statSync(join(server.folder, 'lost.json'))).toThrow('ENOENT')
    }
  })

  test.each(['hmac-sha256', 'ed25519'])(
    'whose file cannot be written shows the key all the same, by %s',
    async (algorithm) => {
      if (algorithm === 'ed25519') server.respond = answer(201, minted)
      const main = fileURLToPath(new URL('./main.js', import.meta.url))
      const mint = ['keys', 'mint', '--connection', 'c1', '--signed', algorithm, '--save', 'full.json']
      // No byte may be written to any file.
      const program = spawn('sh', ['-c', 'ulimit -f 0; exec "$0" "$@"', process.execPath, main, ...mint], {
        cwd: server.folder,
        env: { ...process.env, ...server.env },
      })
      const [out, err, [code]] = await Promise.all([read(program.stdout), read(program.stderr), once(program, 'exit')])
      expect([code, out, err]).toEqual([1, expect.stringContaining(text), expect.stringContaining('EFBIG')])
      expect(err).toContain(algorithm === 'ed25519' ? `latchkey keys revoke ${kid}` : 'Keep what was printed')
      expect(() => statSync(join(server.folder, 'full.json'))).toThrow('ENOENT')
    },
  )
})

test.each(['--allow', '--scopes'])(
  'keys change %s with nothing, as a variable that is not set, opens nothing',
  async (option) => {
    for (const nothing of ['', ' ', ','])
      expect(await latchkey(['keys', 'change', key.kid, option, nothing])).toMatchObject({ code: 2 })
    expect(server.seen).toEqual([])
  },
)

test('keys change sends what was named and nothing else, and asks nothing when nothing was', async () => {
  server.respond = answer(200, { ...key, policy: {} })
  expect(
    (await latchkey(['keys', 'change', key.kid, '--allow', 'any', '--expires', 'never', '--rate', 'default'])).code,
  ).toBe(0)
  expect(server.seen).toMatchObject([{ method: 'PATCH', url: `/admin/v1/keys/${key.kid}` }])
  expect(JSON.parse(server.seen[0]?.body ?? '')).toEqual({ policy: { allowlist: [], expiresAt: null, rate: null } })
  expect((await latchkey(['keys', 'change', key.kid])).code).toBe(2)
  expect(server.seen).toHaveLength(1)
})
