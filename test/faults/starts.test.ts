import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer as createHttpServer, type IncomingHttpHeaders } from 'node:http'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { jest } from '@jest/globals'
import { z } from 'zod'
import { formatPeppers, generatePeppers } from '#libs/credentials/index'
import { freePort } from '#libs/process/index'
import {
  ask,
  create,
  emptyDatabase,
  Ground,
  latchkey,
  type Program,
  processesOf,
  refusal,
  until,
  users,
} from './running-program.ts'

jest.setTimeout(180_000)

const ground = new Ground()
afterAll(() => ground.end())

describe('a program that cannot start says why in one line and leaves nothing running', () => {
  /** One that runs, whose folder and Postgres the others meet. */
  let first: Program
  beforeAll(async () => {
    first = await ground.start(ground.folder())
  })

  test('the folder is in use', async () => {
    await create(first, 'ada')
    const { code, lines, stdout } = await refusal(ground.launch(first.data))
    expect({ code, stdout, lines }).toEqual({
      code: 1,
      stdout: '',
      lines: [expect.stringContaining(`is in use by the running process ${first.pid}`)],
    })
    expect(await users(first)).toEqual(['ada'])
    expect(await create(first, 'grace')).toMatchObject({ status: 201 })
  })

  test('the port is taken', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await until('it listens', () => server.listening)
    const address = server.address()
    const port = typeof address === 'object' ? String(address?.port) : ''
    const data = ground.folder()
    const { code, lines } = await refusal(ground.launch(data, { LATCHKEY_PORT: port }))
    server.close()
    expect([code, lines]).toEqual([1, [expect.stringContaining(`port ${port} of 127.0.0.1 is in use`)]])
    expect(processesOf(data)).toEqual([])
  })

  test('the folder cannot be written', async () => {
    const { code, lines } = await refusal(ground.launch('/dev/null/data'))
    expect([code, lines]).toEqual([
      1,
      [expect.stringMatching(/^The data folder \/dev\/null\/data cannot be written \(ENOTDIR\)\. .*LATCHKEY_DATA\.$/)],
    ])
  })

  test('several settings are wrong: one line for each', async () => {
    const data = ground.folder()
    const wrong = {
      LATCHKEY_PORT: '80800',
      LATCHKEY_BODY_LIMIT: 'much',
      LATCHKEY_PRT: '1',
      LATCHKEY_KEK: 'vault:http://vault.example:8200/transit/latchkey',
      LATCHKEY_PEPPERS: '1:c2VjcmV0YnV0c2hvcnQ=,2:hunter2hunter2hunter2',
      DATABASE_URL: 'mysql://root:hunter2@db/x',
    }
    const { code, lines } = await refusal(ground.launch(data, wrong))
    expect(code).toBe(1)
    expect(lines.map((line) => line.split(' ')[0]).sort()).toEqual(Object.keys(wrong).sort())
    expect(lines.join('')).not.toContain('hunter2')
    expect(existsSync(data)).toBe(false)
  })

  test.each([
    ['peppers', 'from the backup of the data folder.'],
    ['admin-token', 'or remove the file to have a new one made.'],
  ])('the file %s is empty', async (name, fix) => {
    const data = ground.folder()
    mkdirSync(data)
    writeFileSync(join(data, name), '\n', { mode: 0o600 })
    const { code, lines } = await refusal(ground.launch(data))
    const told = `The file ${join(data, name)} is empty. Put back what it held, ${fix}`
    expect([code, lines]).toEqual([1, [told]])
    expect(processesOf(data)).toEqual([])
  })

  test.each([
    ['peppers', formatPeppers(generatePeppers())],
    ['admin-token', 'a token that others have read'],
  ])('the file %s can be read by others', async (name, content) => {
    const data = ground.folder()
    mkdirSync(data)
    const file = join(data, name)
    writeFileSync(file, content)
    chmodSync(file, 0o640)
    const { code, lines } = await refusal(ground.launch(data))
    expect([code, lines]).toEqual([1, [expect.stringMatching(new RegExp(`^The file ${file} .*chmod 600 ${file}$`))]])
    expect(lines.join()).not.toContain(content)
    expect(processesOf(data)).toEqual([])
  })

  test('the peppers cannot be read', async () => {
    const data = ground.folder()
    mkdirSync(data)
    writeFileSync(join(data, 'peppers'), '1:secretbutshort\n', { mode: 0o600 })
    const { code, lines } = await refusal(ground.launch(data))
    expect([code, lines]).toEqual([
      1,
      [expect.stringMatching(/^The file .*peppers holds no peppers: entry 1 .*Put back what it held\.$/)],
    ])
    expect(lines.join()).not.toContain('secretbutshort')
    expect(processesOf(data)).toEqual([])
  })

  test('the database cannot be reached, or does not let it in', async () => {
    const url = new URL(first.postgres.url)
    const cases = [
      [`postgres://latchkey:hunter2@127.0.0.1:${await freePort()}/latchkey`, 'ECONNREFUSED'],
      [`postgres://latchkey:hunter2@${url.host}/latchkey`, 'the password was refused'],
      [url.href.replace(/latchkey$/, 'nowhere'), 'there is no such database'],
    ] as const
    for (const [DATABASE_URL, reason] of cases) {
      const data = ground.folder()
      const { code, lines } = await refusal(ground.launch(data, { DATABASE_URL }))
      expect([code, lines]).toEqual([
        1,
        [
          expect.stringMatching(
            `^The Postgres of DATABASE_URL cannot be used at ${new URL(DATABASE_URL).host} \\(${reason}\\)`,
          ),
        ],
      ])
      expect(lines.join()).not.toContain(new URL(DATABASE_URL).password)
      expect(existsSync(join(data, 'postgres'))).toBe(false)
    }
  })

  test('keys of the database were minted under other peppers', async () => {
    const DATABASE_URL = first.postgres.url
    const known = await users(first)
    const data = ground.folder()
    mkdirSync(data)
    writeFileSync(join(data, 'peppers'), `${formatPeppers(generatePeppers())}\n`, { mode: 0o600 })
    const { code, lines } = await refusal(ground.launch(data, { DATABASE_URL }))
    expect([code, lines]).toEqual([
      1,
      [expect.stringContaining('minted under other peppers of version 1. Put back the peppers')],
    ])
    expect(await users(first)).toEqual(known)
    expect(await first.stop()).toEqual({ code: 0, signal: null })
  })
})

/** A sandbox key that signs by a shared secret, so that something is wrapped by the KEK. */
async function mintSigned(url: string, data: string): Promise<void> {
  const headers = {
    authorization: `Bearer ${readFileSync(join(data, 'admin-token'), 'utf8').trim()}`,
    'content-type': 'application/json',
  }
  const ask = async (method: string, path: string, body?: object) => {
    const answer = await fetch(`${url}/admin/v1${path}`, {
      method,
      headers,
      ...(body && { body: JSON.stringify(body) }),
    })
    return z.looseObject({ id: z.string().optional(), signingSecret: z.string().optional() }).parse(await answer.json())
  }
  const { id } = await ask('POST', '/tenants/acme/connections', { name: 'signed' })
  const policy = { authentication: { method: 'signed', algorithm: 'hmac-sha256' } }
  expect((await ask('POST', `/connections/${id}/keys`, { policy })).signingSecret).toHaveLength(43)
}

test('without the KEK that wrapped data keys it does not start, makes no other, and starts again once it is back', async () => {
  const data = ground.folder()
  const first = await ground.start(data)
  await mintSigned(first.url, data)
  await first.stop()
  const kek = join(data, 'kek')
  expect(statSync(kek).mode & 0o777).toBe(0o600)
  renameSync(kek, `${kek}.away`)
  const lost = await refusal(ground.launch(data))
  expect([lost.code, lost.lines]).toEqual([
    1,
    [
      expect.stringMatching(
        /^Data keys in the database \(1, tenants: 1\) are wrapped by the KEK file:[\da-f]{16}, which cannot be had: The file .*kek .*is missing\. Put it back/,
      ),
    ],
  ])
  expect(existsSync(kek)).toBe(false)
  renameSync(`${kek}.away`, kek)
  chmodSync(kek, 0o644)
  const open = await refusal(ground.launch(data))
  expect([open.code, open.lines]).toEqual([1, [expect.stringContaining(`chmod 600 ${kek}`)]])
  chmodSync(kek, 0o600)
  await (await ground.start(data)).stop()
})

test('after a move to another KEK while it ran, it starts without the former one', async () => {
  const data = ground.folder()
  const first = await ground.start(data)
  await mintSigned(first.url, data)
  await first.stop()
  const moved = { LATCHKEY_KEK: `file:${join(data, 'next')}` }
  const second = await ground.start(data, { ...moved, LATCHKEY_FORMER_KEKS: `file:${join(data, 'kek')}` })
  const stdout = await latchkey(data, 'keys', 'rewrap')
  expect(stdout).toMatch(/^Data keys that were wrapped anew: 1\. All are wrapped by file:[\da-f]{16}, version 1\.\n$/)
  await second.stop()
  rmSync(join(data, 'kek'))
  await (await ground.start(data, moved)).stop()
})

describe('the command line finds a server by the data folder', () => {
  test('and no token goes to a stranger who is at the address of before by now', async () => {
    const seen: IncomingHttpHeaders[] = []
    const stranger = createHttpServer(({ headers }, response) => {
      seen.push(headers)
      response.end('<!doctype html>')
    })
    const port = await freePort()
    stranger.listen(port, '127.0.0.1')
    const data = ground.folder()
    mkdirSync(data)
    writeFileSync(join(data, 'url'), `http://127.0.0.1:${port}\n`)
    const program = await ground.start(data)
    expect(await latchkey(data, 'tenants', 'list')).toContain('acme')
    await program.stop()
    writeFileSync(join(data, 'url'), `http://127.0.0.1:${port}\n`)
    await expect(latchkey(data, 'tenants', 'list')).rejects.toMatchObject({
      code: 3,
      stderr: expect.stringContaining('was not sent'),
    })
    stranger.close()
    expect(seen.map(({ authorization }) => authorization)).toEqual([undefined, undefined])
  })

  test('also once the one that stood there has ended, of two that share it', async () => {
    const host = await ground.start(ground.folder())
    const DATABASE_URL = await emptyDatabase(host)
    const data = ground.folder()
    const older = await ground.start(data, { DATABASE_URL })
    const newer = await ground.start(data, { DATABASE_URL, LATCHKEY_HOST: '0.0.0.0' })
    const url = (): string => readFileSync(join(data, 'url'), 'utf8').trim()
    expect(url()).toBe(older.url)
    await older.stop()
    const reached = newer.url.replace('0.0.0.0', '127.0.0.1')
    await until('the newer one has written its address', () => url() === reached)
    expect(await latchkey(data, 'tenants', 'list')).toContain('acme')
    await newer.stop()
    await host.stop()
  })
})

test('it runs in a folder that is open to its user alone', async () => {
  const data = ground.folder()
  chmodSync(dirname(data), 0o700)
  mkdirSync(data, { mode: 0o700 })
  const program = await ground.start(data)
  expect(statSync(data).mode & 0o777).toBe(0o700)
  for (const name of ['peppers', 'admin-token', 'address-key'])
    expect(statSync(join(data, name)).mode & 0o777).toBe(0o600)
  expect(await create(program, 'ada')).toMatchObject({ status: 201 })
  await program.stop()
})

test('the file .env where it is started holds settings, which the environment outdoes', async () => {
  const [port, other] = [String(await freePort()), String(await freePort())]
  const data = ground.folder()
  const file = join(ground.path, '.env')
  writeFileSync(file, `LATCHKEY_HOST=127.0.0.2\nLATCHKEY_PORT=${other}\nLATCHKEY_PUBLIC_URL=\n`)
  const program = await ground.start(data, { LATCHKEY_PORT: port })
  rmSync(file)
  expect(program.url).toBe(`http://127.0.0.2:${port}`)
  await program.stop()
})

test('without a quickstart there is no tenant, and what was deleted of one is not made again by a restart', async () => {
  const data = ground.folder()
  const tenantsOf = async (program: Program): Promise<unknown[]> => {
    const { body } = await ask(`${program.url}/admin/v1/tenants`, { token: program.adminToken })
    return Reflect.get(Object(body), 'items')
  }
  const without = await ground.start(data, { LATCHKEY_QUICKSTART: 'false' })
  expect(await tenantsOf(without)).toEqual([])
  expect(without.stdout).not.toContain('SCIM base URL')
  await without.stop()

  const first = await ground.start(data)
  const connection = first.scimBaseUrl.split('/').at(-1)
  const remove = async (path: string) =>
    (await ask(`${first.url}/admin/v1${path}`, { method: 'DELETE', token: first.adminToken })).status
  expect([await remove(`/connections/${connection}`), await remove('/tenants/acme')]).toEqual([204, 204])
  await first.stop()

  const again = await ground.start(data)
  expect(await tenantsOf(again)).toEqual([])
  expect(again.stdout).not.toContain('SCIM base URL')
  await again.stop()
})
