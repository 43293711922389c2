import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, open, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { mintAdminToken, mintKey } from '#libs/credentials/index'
import { freePort } from '#libs/process/index'
import { selfSigned, thumbprintOf } from '#test/certificates'
import { run } from './run.ts'
import { ago, lastUse, table } from './words.ts'

type Respond = (request: IncomingMessage, response: ServerResponse) => unknown

let respond: Respond
let seen: IncomingMessage[]
let url: string
let folder: string
const server = createServer((request, response) => {
  seen.push(request)
  respond(request, response)
})

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => new Promise((resolve) => server.close(resolve)))
beforeEach(async () => {
  seen = []
  respond = (_request, response) => response.end()
  folder = await mkdtemp(join(tmpdir(), 'latchkey-cli-'))
})
afterEach(() => rm(folder, { recursive: true }))

const token = 'a-token-of-the-tests'

async function latchkey(
  args: string[],
  env: Record<string, string> = { LATCHKEY_URL: url, LATCHKEY_ADMIN_TOKEN: token },
) {
  let out = ''
  let err = ''
  const code = await run(args, { env, folder, out: (text) => void (out += text), err: (text) => void (err += text) })
  return { code, out, err }
}

function answer(status: number, body: object): Respond {
  return (_request, response) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

const tenant = { id: 'acme', name: 'Acme', createdAt: '2026-03-01T10:00:00.000Z' }
const key = {
  kid: 'abcdefghijkl',
  connection: 'abcdefghijkmnpqr',
  environment: 'live',
  state: 'active',
  scimBaseUrl: 'http://127.0.0.1:8080/scim/v2/abcdefghijkmnpqr',
  createdAt: '2026-03-01T10:00:00.000Z',
  endedAt: null,
  lastUsed: null,
}

const connection = {
  id: 'abcdefghijkmnpqr',
  tenant: 'acme',
  name: 'HR',
  environment: 'live',
  identityProvider: 'okta',
  state: 'enabled',
  settings: {
    patchAnswer: 'none',
    mode: 'live',
    conflicts: 'adopt',
    adoptBy: ['userName', 'emails'],
    guard: 'auto',
    guardMost: 50,
    guardPercent: 10,
    guardMinutes: 60,
  },
  schemas: [],
  scimBaseUrl: 'http://127.0.0.1:8080/scim/v2/abcdefghijkmnpqr',
  createdAt: '2026-03-01T10:00:00.000Z',
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  return JSON.parse(await text(request))
}

describe('scan', () => {
  const leaked = mintKey('live')
  const token = mintAdminToken()

  test('finds keys in files, folders and links, names where they are, never shows them, and ends with 1', async () => {
    await mkdir(join(folder, 'deep/er'), { recursive: true })
    await mkdir(join(folder, '.git'))
    await writeFile(join(folder, 'deep/er/.env'), `é=1\nKEY="${leaked.text}"\n`)
    await writeFile(join(folder, 'deep/changed'), leaked.text.slice(0, -1) + (leaked.text.endsWith('0') ? '1' : '0'))
    await writeFile(join(folder, 'deep/admin-token'), token.text)
    await writeFile(join(folder, '.git/HEAD'), leaked.text)
    await symlink(`../${leaked.text}`, join(folder, 'deep/link'))
    const { code, out, err } = await latchkey(['scan', '.'], {})
    expect(code).toBe(1)
    expect(out.trimEnd().split('\n')).toEqual([
      `deep/admin-token:1:1: an admin token, id ${token.id}`,
      `deep/er/.env:2:6: a live key, kid ${leaked.kid}`,
      `deep/link:1:4: a live key, kid ${leaked.kid}`,
    ])
    expect(err).toContain('2 keys and an admin token were found. Revoke each')
    for (const { secret } of [leaked, token]) expect(out + err).not.toContain(secret)
    const { out: data } = await latchkey(['scan', 'deep/er/.env', 'deep/changed', 'deep/admin-token', '--json'], {})
    expect(JSON.parse(data)).toEqual([
      { file: 'deep/er/.env', line: 2, column: 6, environment: 'live', kid: leaked.kid },
      { file: 'deep/admin-token', line: 1, column: 1, token: token.id },
    ])
  })

  test('finds a key in a file of any size, wherever it is read in pieces', async () => {
    const file = join(folder, 'large.sql')
    const size = 33 * 1024 * 1024
    await writeFile(file, Buffer.alloc(size, `${'x'.repeat(127)}\n`))
    const piece = 1024 * 1024
    for (const end of [size, 3 * piece + 35, 2 * piece, piece + 72]) {
      const bytes = await open(file, 'r+')
      await bytes.write(`\n${leaked.text}\n`, end - 73, 'latin1')
      await bytes.close()
    }
    const { code, out } = await latchkey(['scan', 'large.sql', '--json'], {})
    expect(code).toBe(1)
    const found: { line: number; column: number; kid: string }[] = JSON.parse(out)
    expect(found.map(({ kid, column }) => [kid, column])).toEqual(Array.from({ length: 4 }, () => [leaked.kid, 1]))
    const lines = (await readFile(file, 'latin1')).split('\n')
    expect(found.map(({ line }) => lines[line - 1])).toEqual(Array.from({ length: 4 }, () => leaked.text))
  })

  test.each(['utf-16le', 'utf-16be'])('finds a key in a file of %s', async (encoding) => {
    const bytes = Buffer.from(`\ufeffé=1\r\nKEY="${leaked.text}"\r\n`, 'utf16le')
    await writeFile(join(folder, 'wide.ps1'), encoding === 'utf-16le' ? bytes : bytes.swap16())
    const { code, out } = await latchkey(['scan', 'wide.ps1'], {})
    expect([code, out]).toEqual([1, `wide.ps1:2:6: a live key, kid ${leaked.kid}\n`])
  })

  test('ends with 0 where there is none, and with 4 where there is nothing', async () => {
    await writeFile(join(folder, 'clean'), 'lk_live_ is how a key begins')
    expect(await latchkey(['scan', '.'], {})).toEqual({ code: 0, out: '', err: '' })
    expect(await latchkey(['scan', 'missing'], {})).toMatchObject({ code: 4, out: '' })
  })
})

describe('address and token', () => {
  test('are found in the data folder', async () => {
    await mkdir(join(folder, 'data'))
    await writeFile(join(folder, 'data', 'url'), `${url}/\n`)
    await writeFile(join(folder, 'data', 'admin-token'), `${token}\n`)
    respond = answer(201, tenant)
    expect((await latchkey(['tenants', 'create', 'Acme'], {})).code).toBe(0)
    expect(seen[0]).toMatchObject({
      method: 'POST',
      url: '/admin/v1/tenants',
      headers: { authorization: `Bearer ${token}` },
    })
  })

  test('of the environment go before the data folder, and --url before all', async () => {
    await mkdir(join(folder, 'elsewhere'))
    await writeFile(join(folder, 'elsewhere', 'url'), 'http://127.0.0.1:1')
    await writeFile(join(folder, 'elsewhere', 'admin-token'), 'another')
    respond = answer(200, { items: [] })
    const env = { LATCHKEY_DATA: 'elsewhere', LATCHKEY_URL: 'http://127.0.0.1:2', LATCHKEY_ADMIN_TOKEN: token }
    expect((await latchkey(['tenants', 'list', '--url', url], env)).code).toBe(0)
    expect((await latchkey(['--url', url, 'tenants', 'list'], env)).code).toBe(0)
    expect(seen.map((request) => request.headers.authorization)).toEqual([`Bearer ${token}`, `Bearer ${token}`])
  })

  test('a missing token is told with where it was looked for, and asks nobody', async () => {
    const { code, err } = await latchkey(['tenants', 'list'], { LATCHKEY_URL: url })
    expect(code).toBe(3)
    expect(err).toContain(`No admin token was found`)
    expect(err).toContain(join(folder, 'data', 'admin-token'))
    expect(seen).toEqual([])
  })

  test('an address that is none is a matter of usage', async () => {
    expect((await latchkey(['status', '--url', 'localhost:8080'])).code).toBe(2)
  })
})

describe('connections set', () => {
  test('sends what was named and nothing else, and shows what then is', async () => {
    let sent: unknown
    respond = async (request, response) => {
      sent = await bodyOf(request)
      answer(200, connection)(request, response)
    }
    const set = ['connections', 'set', connection.id, '--patch-answer', 'none', '--conflicts', 'adopt']
    const { code, out } = await latchkey([...set, '--adopt-by', 'userName, emails', '--idp', 'sailpoint'])
    expect(code).toBe(0)
    expect(seen[0]).toMatchObject({ method: 'PATCH', url: `/admin/v1/connections/${connection.id}` })
    expect(sent).toEqual({
      identityProvider: 'sailpoint',
      settings: { patchAnswer: 'none', conflicts: 'adopt', adoptBy: ['userName', 'emails'] },
    })
    expect(out).toMatch(/PATCH answers +nothing \(204\)\nmode +live\nconflicts +adopt by userName, emails\n/)
  })

  test('asks nothing of the server when nothing was named', async () => {
    expect((await latchkey(['connections', 'set', connection.id])).code).toBe(2)
    expect(seen).toEqual([])
  })
})

test('connections delete says what it deleted, and those that were deleted are listed when asked for', async () => {
  respond = (request, response) => {
    if (request.method === 'DELETE') response.writeHead(204).end()
    else if (request.url?.includes('?') === true) {
      answer(200, { items: [{ ...connection, deletedAt: '2026-03-01T09:00:00.000Z' }] })(request, response)
    } else answer(200, connection)(request, response)
  }
  const { code, out } = await latchkey(['connections', 'delete', connection.id])
  expect([code, out]).toEqual([0, expect.stringMatching(new RegExp(`^deleted +${connection.id}\n`))])
  expect(seen.map(({ method, url: address }) => `${method} ${address}`)).toEqual([
    `GET /admin/v1/connections/${connection.id}`,
    `DELETE /admin/v1/connections/${connection.id}`,
  ])
  expect(seen[1]?.headers['idempotency-key']).toBeDefined()
  expect((await latchkey(['connections', 'list', '--deleted'])).out).toMatch(/DELETED\n.* 2026-03-01\n/)
  expect(seen[2]?.url).toContain('/admin/v1/connections?deleted=true')
})

test('connections set takes the rules of the guard as numbers, and shows what waits', async () => {
  let sent: unknown
  respond = async (request, response) => {
    sent = await bodyOf(request)
    answer(200, connection)(request, response)
  }
  const set = ['connections', 'set', connection.id, '--guard', 'on', '--guard-most', '20', '--guard-percent', '0']
  const { code, out } = await latchkey([...set, '--guard-minutes', '30'])
  expect(code).toBe(0)
  expect(sent).toEqual({ settings: { guard: 'on', guardMost: 20, guardPercent: 0, guardMinutes: 30 } })
  expect(out).toMatch(/guard +(off|more than 50 deactivations and deletions, and 10 % of the users, in 60 min wait)\n/)
  expect((await latchkey(['connections', 'set', connection.id, '--guard-most', 'many'])).code).toBe(2)
})

describe('guard', () => {
  const held = {
    connection: connection.id,
    state: 'held',
    heldSince: new Date().toISOString(),
    tried: 40,
    examples: [{ kind: 'User', id: 'u1' }],
    until: null,
    left: null,
  }

  test('list shows what waits', async () => {
    respond = answer(200, { items: [held] })
    const { out } = await latchkey(['guard', 'list'])
    expect(seen[0]?.url).toBe('/admin/v1/guard?limit=200')
    expect(out).toMatch(new RegExp(`${connection.id} +held +(just now|\\d+ s ago) +40 +User u1`))
  })

  test.each([
    [['allow', connection.id], 'allow', { for: '1h' }],
    [['allow', connection.id, '--for', '2d'], 'allow', { for: '2d' }],
    [['allow', connection.id, '--count', '300'], 'allow', { count: 300 }],
    [['deny', connection.id], 'deny', undefined],
  ])('%j asks for it', async (args, act, wanted) => {
    let sent: unknown
    respond = async (request, response) => {
      sent = wanted === undefined ? undefined : await bodyOf(request)
      answer(200, { ...held, state: 'allowed', left: 300 })(request, response)
    }
    const { code, out } = await latchkey(['guard', ...args])
    expect([code, seen[0]?.url, sent]).toEqual([0, `/admin/v1/guard/${connection.id}/${act}`, wanted])
    expect(out).toContain('allowed: 300 more')
  })

  test('allow takes a time or a number, not both', async () => {
    expect((await latchkey(['guard', 'allow', connection.id, '--for', '1h', '--count', '1'])).code).toBe(2)
    expect(seen).toEqual([])
  })
})

describe('schemas', () => {
  const urn = 'urn:acme:costs:1.0:User'
  const path = `/admin/v1/connections/${connection.id}/schemas`
  const of = ['--connection', connection.id]
  const center = { name: 'center', type: 'string', mutability: 'readWrite', returned: 'default' }
  const document = {
    id: urn,
    name: 'Costs',
    attributes: [{ ...center, multiValued: false, required: true, caseExact: true }],
  }
  const schema = { id: urn, resourceType: 'Group', required: false, inUse: true, document }

  test.each([
    ['a new one by POST', 404, ['--for', 'Group', '--required'], 'POST', `${path}?resourceType=Group&required=true`],
    ['one that is there by PUT', 200, ['--optional'], 'PUT', `${path}/${encodeURIComponent(urn)}?required=false`],
  ])('add sends %s', async (_what, found, options, method, url) => {
    await writeFile(join(folder, 'costs.json'), JSON.stringify(document))
    let sent: unknown
    respond = async (request, response) => {
      if (request.method !== 'GET') sent = await bodyOf(request)
      answer(
        request.method === 'GET' ? found : 200,
        found === 404 && request.method === 'GET' ? { detail: 'none' } : schema,
      )(request, response)
    }
    const { code, out } = await latchkey(['schemas', 'add', 'costs.json', ...of, ...options])
    expect(code).toBe(0)
    expect(seen.map((request) => request.method)).toEqual(['GET', method])
    expect(seen[1]?.url).toBe(url)
    expect(sent).toEqual(document)
    expect(out).toMatch(
      /extends +Group\nrequired +no\nin use +yes\n\nATTRIBUTE.*\ncenter +string +readWrite +default +required, caseExact\n$/,
    )
  })

  test.each(['{', '[]', '{"id":1}', undefined])('add refuses a file that holds %j', async (content) => {
    if (content !== undefined) await writeFile(join(folder, 'costs.json'), content)
    const { code, err } = await latchkey(['schemas', 'add', 'costs.json', ...of])
    expect([code, seen]).toEqual([2, []])
    expect(err).toMatch(/^latchkey: [^\n]*costs\.json[^\n]+\n$/)
  })

  test('are listed and shown', async () => {
    respond = answer(200, { items: [schema] })
    expect((await latchkey(['schemas', 'list', ...of])).out).toMatch(/urn:acme:costs:1.0:User +Group +no +yes +1\n$/)
    respond = answer(200, schema)
    expect(JSON.parse((await latchkey(['schemas', 'show', urn, ...of, '--json'])).out)).toEqual(schema)
  })

  test('that are in use stay, and each reason is told', async () => {
    const errors = [{ pointer: '#/attributes/0/type', detail: 'was string: keep string' }]
    respond = answer(409, { detail: 'It is in use.', code: 'conflict', errors })
    const { code, err } = await latchkey(['schemas', 'remove', urn, ...of])
    expect([code, err]).toEqual([1, 'latchkey: It is in use. attributes/0/type was string: keep string.\n'])
    respond = (_request, response) => response.writeHead(204).end()
    expect(await latchkey(['schemas', 'remove', urn, ...of])).toEqual({ code: 0, out: `removed  ${urn}\n`, err: '' })
    expect(seen.at(-1)).toMatchObject({ method: 'DELETE', url: `${path}/${encodeURIComponent(urn)}` })
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
    respond = answer(status, body)
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

  test('of status is 0 for a server that is ready without something, which is named', async () => {
    respond = answer(200, { status: 'ready', missing: [], degraded: [{ name: 'kafka', reason: 'refused' }] })
    const { code, out } = await latchkey(['status'])
    expect(code).toBe(0)
    expect(out).toMatch(/DEGRADED +REASON\nkafka +refused/)
  })

  test('of status follow readiness, and what is missing is named', async () => {
    respond = answer(200, { status: 'ready', missing: [] })
    expect((await latchkey(['status'])).code).toBe(0)
    respond = answer(503, { status: 'not-ready', missing: [{ name: 'postgres', reason: 'refused' }] })
    const { code, out } = await latchkey(['status', '--json'])
    expect(code).toBe(1)
    expect(JSON.parse(out)).toMatchObject({ status: 'not-ready', missing: [{ name: 'postgres', reason: 'refused' }] })
  })
})

describe('a write', () => {
  test('whose answer was lost is sent again under the same Idempotency-Key', async () => {
    respond = (request, response) => {
      if (seen.length === 1) return void request.socket.destroy()
      if (seen.length === 2) return answer(503, { detail: 'not now' })(request, response)
      answer(201, tenant)(request, response)
    }
    expect((await latchkey(['tenants', 'create', 'Acme'])).code).toBe(0)
    const keys = seen.map((request) => request.headers['idempotency-key'])
    expect(keys).toHaveLength(3)
    expect(keys[0]).toMatch(/^[0-9a-f-]{36}$/)
    expect(new Set(keys).size).toBe(1)
  })

  test('whose answer came back without the live key says what to do', async () => {
    respond = answer(201, key)
    const { code, out, err } = await latchkey(['keys', 'mint', '--connection', key.connection])
    expect([code, out]).toEqual([1, ''])
    expect(err).toContain(`latchkey keys revoke ${key.kid}`)
  })
})

describe('a key that proves itself otherwise', () => {
  test('tells where it is exchanged, also below a path', async () => {
    const scimBaseUrl = `https://scim.example.com/latchkey/scim/v2/${key.connection}`
    respond = answer(201, { ...key, scimBaseUrl, key: 'lk_live_x' })
    const { code, out } = await latchkey(['keys', 'mint', '--connection', key.connection, '--oauth'])
    expect(code).toBe(0)
    expect(out).toMatch(/^token endpoint +https:\/\/scim\.example\.com\/latchkey\/oauth2\/token$/m)
    expect(out).toMatch(new RegExp(`^client id +${key.connection}$`, 'm'))
    expect((await latchkey(['keys', 'mint', '--connection', key.connection])).out).not.toContain('token endpoint')
  })

  test('is given other certificates, all that are named', async () => {
    const certificates = [selfSigned('one'), selfSigned('other')]
    await Promise.all(certificates.map(({ cert }, index) => writeFile(join(folder, `${index}.pem`), cert)))
    let sent: unknown
    respond = async (request, response) => {
      sent = await bodyOf(request)
      answer(200, { ...key, policy: {} })(request, response)
    }
    const change = ['keys', 'change', key.kid, '--certificate', '0.pem', '--certificate', '1.pem']
    expect((await latchkey(change)).code).toBe(0)
    expect(sent).toEqual({ policy: { certificates: certificates.map((one) => thumbprintOf(one)) } })
  })
})

describe('output', () => {
  test('with --json is the data alone, of all pages', async () => {
    respond = (request, response) => {
      const second = request.url?.includes('after=more') === true
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

describe('requests', () => {
  const request = {
    id: '01a20e52-426b-7001-83a3-51975df3f104',
    receivedAt: '2026-03-01T10:00:00.000Z',
    method: 'POST',
    path: '/scim/v2/abcdefghijkmnpqr/Users',
    environment: 'sandbox',
    operation: 'users.create',
    address: '127.0.0.1',
    userAgent: null,
    status: 201,
    code: null,
    detail: null,
    changed: ['userName'],
    steps: [{ step: 'key', decision: 'passed', microseconds: 40 }],
    dialect: 'entra',
    deviations: [
      {
        code: 'boolean-as-string',
        pointer: '/active',
        cause: 'A boolean came as a string.',
        fix: 'Send true.',
        setting: 'Entra ID: append the flag',
      },
    ],
  }

  test('are listed by connection, and shown with what deviated and how to mend it', async () => {
    respond = answer(200, { items: [request] })
    const { out } = await latchkey(['requests', 'list', '--connection', 'abcdefghijkmnpqr', '--limit', '5'])
    expect(seen[0]?.url).toBe('/audit/v1/records?limit=5&connection=abcdefghijkmnpqr')
    expect(out).toContain('users.create')
    await latchkey(['requests', 'list', '--environment', 'sandbox'])
    expect(seen[1]?.url).toBe('/audit/v1/records?limit=20&environment=sandbox')
    expect(await latchkey(['requests', 'list', '--environment', 'both'])).toMatchObject({ code: 2 })
    respond = answer(200, { ...request, actor: 'abcdefghijkl' })
    expect((await latchkey(['requests', 'show', request.id])).out).toMatch(/^by +admin token abcdefghijkl$/m)
    respond = answer(200, request)
    const shown = await latchkey(['requests', 'show', request.id])
    expect(seen[2]?.url).toBe(`/audit/v1/records/${request.id}`)
    expect(shown.out).toMatch(/^environment +sandbox$/m)
    for (const told of ['entra', 'boolean-as-string', 'Send true.', 'Entra ID: append the flag']) {
      expect(shown.out).toContain(told)
    }
  })

  test('are sent again once, whatever becomes of the answer', async () => {
    respond = (_request, response) => response.destroy()
    const { code } = await latchkey(['requests', 'replay', request.id, '--dry-run'])
    expect(code).toBe(1)
    expect(seen.map(({ method, url: path }) => `${method} ${path}`)).toEqual([
      `POST /admin/v1/requests/${request.id}/replay`,
    ])
  })
})

test('a reader that has gone away is no failure, and nothing is said of it', async () => {
  const main = fileURLToPath(new URL('./main.js', import.meta.url))
  const child = spawn(process.execPath, [main, '--help'], { stdio: ['ignore', 'pipe', 'pipe'] })
  child.stdout.destroy()
  const [said, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')])
  expect([said, code]).toEqual(['', 0])
})

describe('dead letters', () => {
  const letter = {
    id: 'e1',
    name: 'user.provisioned',
    key: 'k1',
    reason: 'refused',
    buriedAt: '2026-03-01T10:00:00.000Z',
  }

  /** Groups with what is dead of each; replaying applies what is not named as `stuck`. */
  function follow(dead: Record<string, string[]>, stuck: readonly string[] = []): { ids: string[] }[] {
    const asked: { ids: string[] }[] = []
    respond = async (request, response) => {
      const [, group = '', replay] = /followers\/(\w+)\/dead-letters(\/replay)?$/.exec(request.url ?? '') ?? []
      const say = (body: object): unknown => answer(200, body)(request, response)
      if (group === '') return say({ items: Object.keys(dead).map((name) => ({ group: name, state: 'following' })) })
      if (replay === undefined) return say({ items: (dead[group] ?? []).map((id) => ({ ...letter, id })) })
      const { ids } = JSON.parse(await text(request)) as { ids: string[] }
      asked.push({ ids })
      dead[group] = (dead[group] ?? []).filter((id) => !ids.includes(id) || stuck.includes(id))
      say({ applied: ids.filter((id) => !stuck.includes(id)), stillDead: ids.filter((id) => stuck.includes(id)) })
    }
    return asked
  }

  test('of all groups are listed, or of the one that is named', async () => {
    follow({ audit: ['a1'], keys: ['b1', 'b2'] })
    const { code, out } = await latchkey(['dead-letters', 'list'])
    expect(code).toBe(0)
    expect(out).toMatch(/^GROUP +ID +EVENT +KEY +BURIED +REASON\naudit +a1 .*\nkeys +b1 .*\nkeys +b2 .*refused\n$/)
    const one = await latchkey(['dead-letters', 'list', '--group', 'audit', '--json'])
    expect(JSON.parse(one.out)).toEqual([{ group: 'audit', ...letter, id: 'a1' }])
    expect((await latchkey(['dead-letters', 'list', '--group', 'nobody'])).code).toBe(4)
  })

  test('are replayed each once, fifty at a time, and what stays dead is a failure', async () => {
    const ids = Array.from({ length: 70 }, (_, at) => `e${at}`)
    const asked = follow({ directory: [...ids] }, ['e3'])
    const { code, out, err } = await latchkey(['dead-letters', 'replay'])
    expect(asked.map((each) => each.ids.length)).toEqual([50, 20])
    expect(asked.flatMap((each) => each.ids)).toEqual(ids)
    expect(out).toMatch(/directory +69 +1\n$/)
    expect([code, err]).toEqual([1, expect.stringContaining('1 could not be applied')])
    expect((await latchkey(['dead-letters', 'replay', '--group', 'directory'])).code).toBe(1)
  })
})

test('what was deleted is listed and restored at the gateway, where each service is a program', async () => {
  const record = {
    id: 'r1',
    kind: 'User',
    name: 'ada',
    version: 2,
    createdAt: '2026-03-01T10:00:00.000Z',
    deletedAt: '2026-03-02T10:00:00.000Z',
    restorableUntil: '2026-04-01T10:00:00.000Z',
  }
  await mkdir(join(folder, 'data'))
  await writeFile(join(folder, 'data', 'url'), `http://127.0.0.1:${await freePort()}\n`)
  await writeFile(join(folder, 'data', 'services'), `gateway ${url}\n`)
  const env = { LATCHKEY_ADMIN_TOKEN: token }
  respond = answer(200, { items: [record] })
  const listed = await latchkey(['deleted', 'list', '--connection', 'c1', '--name', 'Ada B'], env)
  expect(seen[0]?.url).toBe('/admin/v1/connections/c1/deleted?name=Ada%20B&limit=200')
  expect(listed.out).toMatch(/^ID +KIND +NAME +DELETED +RESTORABLE UNTIL\nr1 +User +ada .* 2026-04-01T10:00:00.000Z\n$/)
  respond = answer(200, record)
  const restored = await latchkey(['deleted', 'restore', 'r1', '--connection', 'c1'], env)
  expect([seen[1]?.method, seen[1]?.url]).toEqual(['POST', '/admin/v1/connections/c1/deleted/r1/restore'])
  expect([restored.code, restored.out]).toEqual([0, expect.stringMatching(/^id +r1\nkind +User\nname +ada\n$/)])
})

describe('tokens', () => {
  const made = {
    id: 'abcdefghijkl',
    name: 'Terraform',
    state: 'active',
    scopes: ['tenants:read', 'keys:mint'],
    tenants: ['acme'],
    allowlist: ['192.0.2.0/24'],
    expiresAt: null,
    createdAt: '2026-03-01T10:00:00.000Z',
    createdBy: 'bootstrap',
    revokedAt: null,
    lastUsed: null,
    pepperVersion: 1,
  }

  test('create sends what was named and nothing else, and shows the token once', async () => {
    let sent: unknown
    respond = async (request, response) => {
      sent = await bodyOf(request)
      answer(201, { ...made, token: 'lka_of_the_tests' })(request, response)
    }
    const create = ['tokens', 'create', 'Terraform', '--scopes', 'tenants:read, keys:mint']
    const { code, out } = await latchkey([...create, '--tenants', 'acme', '--from', '192.0.2.0/24'])
    expect(code).toBe(0)
    const scopes = ['tenants:read', 'keys:mint']
    expect(sent).toEqual({ name: 'Terraform', scopes, tenants: ['acme'], allowlist: ['192.0.2.0/24'] })
    expect(out).toContain('lka_of_the_tests')
    expect(out).toContain('never shown again')
    await latchkey([...create, '--expires', '2027-01-31T00:00:00Z'])
    expect(sent).toEqual({ name: 'Terraform', scopes, expiresAt: '2027-01-31T00:00:00Z' })
  })

  test('a token whose text was lost on the way is told as such, with what to do', async () => {
    respond = answer(201, made)
    const { code, err } = await latchkey(['tokens', 'create', 'Terraform', '--scopes', 'tenants:read'])
    expect(code).toBe(1)
    expect(err).toContain('latchkey tokens revoke abcdefghijkl')
  })

  test('list and show tell what a token may do, when it was used last, and under which pepper it is digested', async () => {
    const used = { at: new Date().toISOString(), address: '192.0.2.7', userAgent: 'terraform/1.9' }
    respond = answer(200, {
      items: [made, { ...made, id: 'mnopqrstuvwx', tenants: null, lastUsed: used, pepperVersion: 2 }],
    })
    const { out } = await latchkey(['tokens', 'list'])
    expect(out).toMatch(/^abcdefghijkl {2}Terraform {2}active {2}acme +1 .* never$/m)
    expect(out).toMatch(/^mnopqrstuvwx {2}Terraform {2}active {2}all +2 .* just now from 192\.0\.2\.7, terraform\/1$/m)
    respond = answer(200, made)
    const shown = (await latchkey(['tokens', 'show', 'abcdefghijkl'])).out
    expect(seen.at(-1)?.url).toBe('/admin/v1/tokens/abcdefghijkl')
    expect(shown).toMatch(/^scopes +tenants:read, keys:mint$/m)
    expect(shown).toMatch(/^pepper +1$/m)
    expect(shown).toMatch(/^from +192\.0\.2\.0\/24$/m)
  })

  test('revoke is sent again under the same Idempotency-Key when its answer was lost', async () => {
    respond = (request, response) =>
      seen.length === 1
        ? response.destroy()
        : answer(200, { ...made, state: 'revoked', revokedAt: '2026-03-02T10:00:00.000Z' })(request, response)
    const { code, out } = await latchkey(['tokens', 'revoke', 'abcdefghijkl'])
    expect([code, seen.length]).toEqual([0, 2])
    expect(new Set(seen.map((request) => request.headers['idempotency-key'])).size).toBe(1)
    expect(out).toMatch(/^state +revoked$/m)
  })

  test('a token that lacks a scope is not allowed', async () => {
    respond = answer(403, { code: 'scopeMissing', detail: 'This admin token has not the scope tokens:read.' })
    expect((await latchkey(['tokens', 'list'])).code).toBe(3)
  })
})

describe('keys that take turns', () => {
  const rotations = `/admin/v1/connections/${connection.id}/rotations`
  const rotation = {
    id: '01a20e52-426b-7001-83a3-51975df3f104',
    connection: connection.id,
    mode: 'strict',
    graceHours: 24,
    state: 'running',
    startedAt: '2026-03-01T10:00:00.000Z',
    startedBy: { kind: 'schedule' },
    dueAt: '2026-03-15T10:00:00.000Z',
    hardEnd: '2026-03-16T10:00:00.000Z',
    cutOverAt: null,
    until: null,
    extensions: 0,
    endedAt: null,
    endedBy: null,
    outcome: null,
    newKey: { kid: 'mnopqrstuvwx', firstUsed: null, lastUsed: null },
    oldKey: { kid: key.kid, lastUsed: null, stillUsed: false },
  }
  const policy = {
    connection: connection.id,
    mode: 'strict',
    everyDays: 90,
    graceHours: 24,
    mintAheadDays: 14,
    dueAt: null,
    mintAt: null,
  }

  test('policy sends the whole of it, with what was named in the place of what is there', async () => {
    const sent: unknown[] = []
    respond = async (request, response) => {
      if (request.method === 'PUT') sent.push(await bodyOf(request))
      answer(200, policy)(request, response)
    }
    const of = ['keys', 'policy', '--connection', connection.id]
    expect((await latchkey(of)).out).toMatch(/^mode +strict\nevery +90 days\n/)
    expect(sent).toEqual([])
    await latchkey([...of, '--every', 'never', '--grace', '2d'])
    expect(sent).toEqual([{ mode: 'strict', everyDays: null, graceHours: 48, mintAheadDays: 14 }])
  })

  test('rotate says when the old key ends, whatever becomes of the new one', async () => {
    respond = answer(201, { ...rotation, key: 'lk_live_x' })
    const { out } = await latchkey(['keys', 'rotate', '--connection', connection.id])
    expect(out).toContain('it ends at 2026-03-16T10:00:00.000Z also if that is never used')
  })

  test('a text that was lost with its answer is told with the way to another', async () => {
    respond = answer(201, rotation)
    const lost = await latchkey(['keys', 'rotate', '--connection', connection.id])
    expect(lost).toMatchObject({ code: 1, out: '', err: expect.stringContaining('--force') })
    respond = answer(200, key)
    expect((await latchkey(['keys', 'reveal', key.kid])).err).toContain(
      `keys rotate --connection ${connection.id} --force`,
    )
  })

  test.each([
    ['a key', [key.kid], [`${rotations}?limit=200`]],
    ['a connection', ['--connection', connection.id], [`${rotations}?state=running&limit=1`, `${rotations}?limit=1`]],
  ])('show of %s asks for no more rotations than it takes', async (_what, of, asked) => {
    respond = (request, response) => {
      const items = request.url?.includes('state=running') === true ? [] : [rotation]
      if (request.url?.startsWith(rotations) === true)
        answer(200, { items, ...(items.length > 0 && { next: 'more' }) })(request, response)
      else if (request.url?.includes('/rotation-policy') === true) answer(200, policy)(request, response)
      else answer(200, request.url?.includes('/connections/') === true ? { items: [key] } : key)(request, response)
    }
    const { code, out } = await latchkey(['keys', 'show', ...of])
    expect([code, out]).toEqual([0, expect.stringContaining(rotation.id)])
    expect(seen.map(({ url: one }) => one).filter((one) => one?.startsWith(rotations))).toEqual(asked)
  })

  test.each([
    ['keys', 'finish', '--connection', connection.id],
    ['keys', 'cancel', '--connection', connection.id],
    ['keys', 'cancel', key.kid],
  ])('what is waited for is told where no answer comes at once: %s %s', async (...args) => {
    let err = ''
    const told = Promise.withResolvers<void>()
    respond = async (request, response) => {
      if (request.method === 'GET') return answer(200, { items: [rotation] })(request, response)
      // Until then nothing is told.
      expect(err).toBe('')
      await told.promise
      return answer(200, args.length === 3 ? key : rotation)(request, response)
    }
    const env = { LATCHKEY_URL: url, LATCHKEY_ADMIN_TOKEN: token }
    const heard = (text: string): void => {
      err += text
      told.resolve()
    }
    expect(await run(args, { env, folder, out: () => undefined, err: heard })).toBe(0)
    expect(err).toMatch(/^latchkey: It is waited until .* which keys were used .*\n$/)
  })

  test('finish and cancel find the rotation that runs, and say so where none does', async () => {
    respond = (request, response) =>
      answer(200, request.method === 'GET' ? { items: [rotation] } : rotation)(request, response)
    await latchkey(['keys', 'finish', '--connection', connection.id, '--force'])
    expect(seen.map((one) => one.url)).toEqual([
      `${rotations}?state=running&limit=1`,
      `/admin/v1/rotations/${rotation.id}/finish`,
    ])
    respond = answer(200, { items: [] })
    const none = await latchkey(['keys', 'cancel', '--connection', connection.id])
    expect(none).toMatchObject({ code: 1, err: expect.stringContaining('No rotation of this connection is running') })
  })
})

test('detections are listed, shown with cause and fix, acknowledged and muted at the audit service', async () => {
  const detection = {
    id: 'd1',
    rule: 'wrong-secret',
    severity: 'high',
    state: 'muted',
    mutedUntil: '2026-04-01T10:00:00.000Z',
    tenant: 'acme',
    connection: 'c1',
    environment: 'live',
    subject: { kind: 'connection', id: 'c1' },
    count: 7,
    firstSeen: '2026-03-01T10:00:00.000Z',
    lastSeen: '2026-03-01T10:05:00.000Z',
    requests: ['r1', 'r2'],
    cause: 'Somebody tries secrets.',
    fix: 'Paste the key again.',
  }
  await mkdir(join(folder, 'data'))
  await writeFile(join(folder, 'data', 'url'), `http://127.0.0.1:${await freePort()}\n`)
  await writeFile(join(folder, 'data', 'services'), `audit ${url}\n`)
  const env = { LATCHKEY_ADMIN_TOKEN: token }
  respond = answer(200, { items: [detection] })
  const listed = await latchkey(
    ['detections', 'list', '--state', 'muted', '--tenant', 'acme', '--environment', 'live'],
    env,
  )
  expect(seen[0]?.url).toBe('/admin/v1/detections?tenant=acme&environment=live&state=muted&limit=200')
  expect(listed.out).toMatch(/^ID +RULE +SEVERITY .*\nd1 +wrong-secret +high +muted +connection c1 +7 /)
  respond = answer(200, detection)
  const shown = await latchkey(['detections', 'show', 'd1'], env)
  expect(shown.out).toMatch(
    /^state +muted until 2026-04-01T10:00:00.000Z\n[^]*^environment +live\n[^]*^requests +r1, r2\ncause +Somebody tries secrets.\nfix +Paste the key again.$/m,
  )
  let sent: unknown
  respond = async (request, response) => {
    sent = request.headers['content-type'] === undefined ? undefined : await bodyOf(request)
    await answer(200, detection)(request, response)
  }
  expect((await latchkey(['detections', 'mute', 'd1', '--for', '8h'], env)).code).toBe(0)
  expect(sent).toEqual({ for: '8h' })
  expect((await latchkey(['detections', 'acknowledge', 'd1'], env)).code).toBe(0)
  expect((await latchkey(['detections', 'unmute', 'd1'], env)).code).toBe(0)
  expect(seen.slice(2).map((request) => `${request.method} ${request.url}`)).toEqual([
    'POST /admin/v1/detections/d1/mute',
    'POST /admin/v1/detections/d1/acknowledge',
    'POST /admin/v1/detections/d1/unmute',
  ])
})
