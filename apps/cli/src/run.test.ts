import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { makeAddressKey } from '#libs/address-proof/index'
import { freePort } from '#libs/process/index'
import { certified, selfSigned } from '#test/certificates'
import { adminServer, answer, token } from './test/admin-server.ts'
import { key, tenant } from './test/answered.ts'
import { ago, lastUse, table } from './words.ts'

const server = adminServer()
const { latchkey } = server

describe('address and token', () => {
  test('are found in the data folder', async () => {
    await server.dataFolder({ url: `${server.url}/`, 'admin-token': token })
    server.respond = answer(201, tenant)
    expect((await latchkey(['tenants', 'create', 'Acme'], {})).code).toBe(0)
    expect(server.seen[0]).toMatchObject({
      method: 'POST',
      url: '/admin/v1/tenants',
      headers: { authorization: `Bearer ${token}` },
    })
  })

  test('of the environment go before the data folder, and --url before all', async () => {
    await mkdir(join(server.folder, 'elsewhere'))
    await writeFile(join(server.folder, 'elsewhere', 'url'), 'http://127.0.0.1:1')
    await writeFile(join(server.folder, 'elsewhere', 'admin-token'), 'another', { mode: 0o600 })
    server.respond = answer(200, { items: [] })
    const env = { LATCHKEY_DATA: 'elsewhere', LATCHKEY_URL: 'http://127.0.0.1:2', LATCHKEY_ADMIN_TOKEN: token }
    expect((await latchkey(['tenants', 'list', '--url', server.url], env)).code).toBe(0)
    expect((await latchkey(['--url', server.url, 'tenants', 'list'], env)).code).toBe(0)
    expect(server.seen.map((request) => request.headers.authorization)).toEqual([`Bearer ${token}`, `Bearer ${token}`])
  })

  test('are not taken from a file that others may read', async () => {
    await mkdir(join(server.folder, 'open'))
    const file = join(server.folder, 'open', 'admin-token')
    await writeFile(file, token)
    await chmod(file, 0o640)
    const { code, err } = await latchkey(['tenants', 'list'], { LATCHKEY_URL: server.url, LATCHKEY_DATA: 'open' })
    expect([code, err, server.seen]).toEqual([3, expect.stringContaining(`chmod 600 ${file}`), []])
    expect(err).not.toContain(token)
  })

  test('a missing token is told with where it was looked for, and asks nobody', async () => {
    const { code, err } = await latchkey(['tenants', 'list'], { LATCHKEY_URL: server.url })
    expect(code).toBe(3)
    expect(err).toContain(`No admin token was found`)
    expect(err).toContain(join(server.folder, 'data', 'admin-token'))
    expect(server.seen).toEqual([])
  })

  test('an option that is given twice is a matter of usage, unless it may be repeated', async () => {
    const { code, err } = await latchkey(['tenants', 'list', '--url', 'http://127.0.0.1:1', '--url', server.url], {})
    expect([code, err]).toEqual([2, "latchkey: option '--url <address>' is given more than once (see --help)\n"])
    for (const [option, flags] of [
      [['--limit', '1'], '--limit <number>'],
      [['--environment', 'live'], '--environment <environment>'],
    ] as const) {
      const twice = await latchkey(['requests', 'list', ...option, ...option], {})
      expect([twice.code, twice.err]).toEqual([2, expect.stringContaining(`option '${flags}' is given more than once`)])
    }
    expect(server.seen).toEqual([])
  })

  test('an address that is none is a matter of usage', async () => {
    expect((await latchkey(['status', '--url', 'localhost:8080'])).code).toBe(2)
  })
})

describe('at an address that nobody named, the admin token is sent to a server of the data folder alone', () => {
  const refused = (url: string): RegExp =>
    new RegExp(`^latchkey: What answers at ${url} does not prove .*: the admin token was not sent\\..*--url[^\n]*\n$`)

  test.each([
    ['a page for every address', '<!doctype html>'],
    ['nothing that is a proof', '{"salt":"","proof":""}'],
  ])('what answers with %s is sent nothing', async (_what, page) => {
    await server.dataFolder({ url: server.url, 'admin-token': token })
    server.addressKey = undefined
    server.respond = (_asked, response) => response.end(page)
    const { code, err } = await latchkey(['tenants', 'list'], {})
    expect([code, err]).toEqual([3, expect.stringMatching(refused(server.url))])
    expect(server.seen.map(({ url, headers }) => [url, headers.authorization])).toEqual([
      [expect.stringMatching(/^\/health\/address\/[\w-]{43}$/), undefined],
    ])
  })

  test('the server of another data folder is not sent it, nor one of the environment', async () => {
    await server.dataFolder({ url: server.url, 'admin-token': token })
    server.addressKey = makeAddressKey()
    expect((await latchkey(['tenants', 'create', 'Acme'], {})).code).toBe(3)
    expect((await latchkey(['tenants', 'create', 'Acme'], { LATCHKEY_ADMIN_TOKEN: token })).code).toBe(3)
    expect(server.seen).toEqual([])
  })

  test('a service that has ended, and whose address is another’s by now, is not sent it', async () => {
    await server.dataFolder({ services: `audit ${server.url}` })
    server.addressKey = undefined
    const { code, err } = await latchkey(['requests', 'list'], { LATCHKEY_ADMIN_TOKEN: token })
    expect([code, err]).toEqual([3, expect.stringMatching(refused(server.url))])
    expect(server.seen.map(({ headers }) => headers.authorization)).toEqual([undefined])
  })

  test('without the key of the folder nobody is asked', async () => {
    await server.dataFolder({ url: server.url, 'admin-token': token })
    await rm(join(server.folder, 'data', 'address-key'))
    const { code, err } = await latchkey(['tenants', 'list'], {})
    expect([code, err, server.seen]).toEqual([3, expect.stringMatching(refused(server.url)), []])
  })

  test('whoever names the address decides', async () => {
    await server.dataFolder({ url: 'http://127.0.0.1:1', 'admin-token': token })
    server.addressKey = undefined
    server.respond = answer(200, { items: [] })
    expect((await latchkey(['tenants', 'list', '--url', server.url], {})).code).toBe(0)
    expect((await latchkey(['tenants', 'list'], { LATCHKEY_URL: server.url })).code).toBe(0)
    expect(server.seen.map(({ headers }) => headers.authorization)).toEqual([`Bearer ${token}`, `Bearer ${token}`])
  })
})

describe('over plain HTTP to another machine', () => {
  /** Reaches this machine, and is no address of its loopback. */
  const elsewhere = (): string => server.url.replace('127.0.0.1', '0.0.0.0')
  beforeEach(() => {
    server.respond = answer(200, { items: [] })
  })

  test('the admin token is not sent, and the fix is told', async () => {
    for (const [args, env] of [
      [['tenants', 'list'], { LATCHKEY_URL: elsewhere(), LATCHKEY_ADMIN_TOKEN: token }],
      [['tenants', 'list', '--url', elsewhere()], { LATCHKEY_ADMIN_TOKEN: token }],
    ] as const) {
      const { code, out, err } = await latchkey(args, env)
      expect([code, out, server.seen]).toEqual([2, '', []])
      expect(err).toMatch(
        /^latchkey: The admin token would go to 0\.0\.0\.0:\d+ in clear.*https.*--insecure-http[^\n]*\n$/,
      )
    }
  })

  test('it is not sent to a service that the data folder names either', async () => {
    await server.dataFolder({ url: server.url, services: `audit ${elsewhere()}` })
    const { code, err } = await latchkey(['requests', 'list'], { LATCHKEY_ADMIN_TOKEN: token })
    expect([code, server.seen]).toEqual([2, []])
    expect(err).toMatch(/0\.0\.0\.0:\d+ in clear/)
  })

  test('it is sent where that is asked for', async () => {
    const env = { LATCHKEY_URL: elsewhere(), LATCHKEY_ADMIN_TOKEN: token }
    expect((await latchkey(['--insecure-http', 'tenants', 'list'], env)).code).toBe(0)
    expect((await latchkey(['tenants', 'list', '--insecure-http'], env)).code).toBe(0)
    expect(server.seen.map(({ headers }) => headers.authorization)).toEqual([`Bearer ${token}`, `Bearer ${token}`])
  })

  test('readiness, which takes no token, is asked for all the same', async () => {
    server.respond = answer(200, { status: 'ready', missing: [] })
    expect((await latchkey(['status'], { LATCHKEY_URL: elsewhere(), LATCHKEY_ADMIN_TOKEN: token })).code).toBe(0)
    expect(server.seen.map(({ headers }) => headers.authorization)).toEqual([undefined])
  })
})

describe('exit codes', () => {
  test.each([
    [1, 409, { detail: 'cause and fix', code: 'conflict' }],
    [2, 422, { detail: 'cause', errors: [{ pointer: '#/name', detail: 'must not be empty' }] }],
    [3, 401, { detail: 'cause and fix' }],
    [4, 404, { detail: 'cause and fix' }],
    [1, 500, { detail: 'cause and fix' }],
    [1, 200, { something: 'else' }],
  ])('%i for an answer of %i, with one line on the error output', async (expected, status, body) => {
    server.respond = answer(status, body)
    const { code, out, err } = await latchkey(['connections', 'show', 'abcdefghijkmnpqr', '--json'])
    expect([code, out]).toEqual([expected, ''])
    expect(err).toMatch(/^latchkey: [^\n]+\n$/)
  })

  test.each([
    [['bogus']],
    [['keys', 'mint']],
    [['connections', 'create', '--tenant', 'a', '--name', 'b', '--idp', 'x']],
  ])('2 for %j, with one line on the error output', async (args) => {
    const { code, out, err } = await latchkey(args)
    expect([code, out]).toEqual([2, ''])
    expect(err).toMatch(/^latchkey: [^\n]+\n$/)
  })

  test('1 when nothing answers, with the fix', async () => {
    const { code, err } = await latchkey(['status'], { LATCHKEY_URL: `http://127.0.0.1:${await freePort()}` })
    expect(code).toBe(1)
    expect(err).toMatch(/ECONNREFUSED.*npm start/)
  })

  test.each([
    ['its own', selfSigned('a'), 'DEPTH_ZERO_SELF_SIGNED_CERT'],
    [
      'another',
      certified('a', { authority: { name: 'b', key: selfSigned('b').key } }),
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    ],
  ])(
    '1 for a certificate of an authority that is not known, %s, with the variable that makes it known',
    async (_, pair, cause) => {
      const tls = createServer(pair, (_request, response) => void response.end())
      await once(tls.listen(0, '127.0.0.1'), 'listening')
      const address = tls.address()
      const url = `https://127.0.0.1:${typeof address === 'string' ? '' : address?.port}`
      const { code, err } = await latchkey(['tenants', 'list'], { LATCHKEY_URL: url, LATCHKEY_ADMIN_TOKEN: token })
      tls.close()
      expect(code).toBe(1)
      expect(err).toContain(cause)
      expect(err).toContain('NODE_EXTRA_CA_CERTS')
      expect(err).not.toContain('npm start')
    },
  )

  test('of status is 0 for a server that is ready without something, which is named', async () => {
    server.respond = answer(200, { status: 'ready', missing: [], degraded: [{ name: 'kafka', reason: 'refused' }] })
    const { code, out } = await latchkey(['status'])
    expect(code).toBe(0)
    expect(out).toMatch(/DEGRADED +REASON\nkafka +refused/)
  })

  test('of status follow readiness, and what is missing is named', async () => {
    server.respond = answer(200, { status: 'ready', missing: [] })
    expect((await latchkey(['status'])).code).toBe(0)
    server.respond = answer(503, { status: 'not-ready', missing: [{ name: 'postgres', reason: 'refused' }] })
    const { code, out } = await latchkey(['status', '--json'])
    expect(code).toBe(1)
    expect(JSON.parse(out)).toMatchObject({ status: 'not-ready', missing: [{ name: 'postgres', reason: 'refused' }] })
  })
})

describe('a write', () => {
  test('whose answer was lost is sent again under the same Idempotency-Key', async () => {
    server.respond = (request, response) => {
      if (server.seen.length === 1) return void response.destroy()
      if (server.seen.length === 2) return answer(503, { detail: 'not now' })(request, response)
      answer(201, tenant)(request, response)
    }
    expect((await latchkey(['tenants', 'create', 'Acme'])).code).toBe(0)
    const keys = server.seen.map((request) => request.headers['idempotency-key'])
    expect(keys).toHaveLength(3)
    expect(keys[0]).toMatch(/^[0-9a-f-]{36}$/)
    expect(new Set(keys).size).toBe(1)
  })

  test('whose answer came back without the live key says what to do', async () => {
    server.respond = answer(201, key)
    const { code, out, err } = await latchkey(['keys', 'mint', '--connection', key.connection])
    expect([code, out]).toEqual([1, ''])
    expect(err).toContain(`latchkey keys revoke ${key.kid}`)
  })
})

describe('output', () => {
  test('with --json is the data alone, of all pages', async () => {
    server.respond = (request, response) => {
      const second = request.url.includes('after=more')
      answer(200, second ? { items: [{ ...tenant, id: 'b' }] } : { items: [{ ...tenant, extra: 1 }], next: 'more' })(
        request,
        response,
      )
    }
    const { out } = await latchkey(['tenants', 'list', '--json'])
    expect(JSON.parse(out)).toEqual([
      { ...tenant, extra: 1 },
      { ...tenant, id: 'b' },
    ])
  })

  test('is aligned, and cannot be used to steer a terminal', () => {
    expect(
      table(
        ['ID', 'NAME'],
        [
          ['a', 'x\u001b[2J'],
          ['bcd', 'y'],
        ],
      ),
    ).toBe('ID   NAME\na    x?[2J\nbcd  y\n')
  })

  test('says when, from where and by what a key was last used', () => {
    const now = new Date('2026-03-01T10:03:10.000Z')
    const at = '2026-03-01T10:00:00.000Z'
    expect(lastUse({ at, address: '127.0.0.1', userAgent: 'curl/8.5.0' }, now)).toBe('3 min ago from 127.0.0.1, curl/8')
    expect(lastUse({ at, address: '127.0.0.1', userAgent: null }, now)).toBe('3 min ago from 127.0.0.1')
    expect(lastUse(null, now)).toBe('never')
    expect(ago('2026-03-01T10:03:09.000Z', now)).toBe('just now')
    expect(ago('2026-02-27T10:03:00.000Z', now)).toBe('2 days ago')
  })
})

test('a reader that has gone away is no failure, and nothing is said of it', async () => {
  const main = fileURLToPath(new URL('./main.js', import.meta.url))
  const child = spawn(process.execPath, [main, '--help'], { stdio: ['ignore', 'pipe', 'pipe'] })
  child.stdout.destroy()
  const [said, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')])
  expect([said, code]).toEqual(['', 0])
})
