import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { readKey } from '#libs/credentials/index'
import { adminToken, type KeysService, startKeysService, until } from '#test/keys-service'
import { type TestDatabase, testDatabase } from '#test/servers/postgres'
import { days, hours } from './test/simulation.ts'

const times = { every: 20, lease: 2_000 }

let server: TestDatabase
let service: KeysService
let now = new Date()
let areUsesKnown = true
const options = () => ({ url: server.url, clock: () => now, times, heard: () => areUsesKnown })

beforeAll(async () => {
  server = await testDatabase()
  service = await startKeysService(options())
})
afterAll(async () => {
  await service.close()
  await server.drop()
})
const start = (id: string, body?: object, headers?: Record<string, string>) =>
  service.ask('POST', `/connections/${id}/rotations`, body, headers)

describe('the command line', () => {
  const main = fileURLToPath(new URL('../../cli/src/main.js', import.meta.url))

  async function latchkey(...args: string[]): Promise<{ code: number; out: string; err: string }> {
    const child = spawn(process.execPath, [main, ...args], {
      env: { PATH: process.env['PATH'], LATCHKEY_URL: service.url, LATCHKEY_ADMIN_TOKEN: adminToken },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
    return { code: Number(code), out, err }
  }

  test('goes from a policy to the end of an old key', async () => {
    const { id, kid } = await service.inUse()
    const of = ['--connection', id]
    expect((await latchkey('keys', 'policy', ...of)).out).toMatch(/^mode +safe\nevery +never by itself\ngrace +72 h\n/)
    const policy = await latchkey('keys', 'policy', ...of, '--every', '90d', '--grace', '24h', '--mode', 'strict')
    expect(policy.out).toMatch(
      /^mode +strict\nevery +90 days\ngrace +24 h\nminted ahead +14 days\npresent key due +in 90 days, at /,
    )
    const rotated = await latchkey('keys', 'rotate', ...of, '--mode', 'safe')
    const next = readKey(/^key +(\S+)$/m.exec(rotated.out)?.[1] ?? '')
    if (next.kind === 'fault') throw new Error(rotated.out + rotated.err)
    expect(rotated.out).toContain(`The old key ${kid} goes on until 24 h after the first use of the new one`)
    expect(await latchkey('keys', 'rotate', ...of)).toMatchObject({ code: 1, err: expect.stringContaining('--force') })
    expect((await latchkey('keys', 'finish', ...of)).err).toContain('has never been used')

    await service.use(id, next.kid, now)
    await service.keyInState(kid, 'retiring')
    const quiet = await latchkey('keys', 'show', kid)
    expect(quiet.out).toMatch(/state +retiring\n[^]*ends +in 24 h, at \S+; not used within its grace so far/)
    now = hours(0.1, now)
    await service.use(id, kid, now, { address: '192.0.2.9' })
    await until(
      async () => (await latchkey('keys', 'show', ...of)).out,
      (shown) => /192\.0\.2\.9/.test(shown),
    )
    const busy = await latchkey('keys', 'show', ...of)
    expect(busy.out).toMatch(
      /ends +in 24 h, at \S+; still used, .+ from 192\.0\.2\.9, Okta.*, and is given another grace then/,
    )
    const finished = await latchkey('keys', 'finish', ...of)
    expect(finished.out).toMatch(
      /state +finished \(old-ended-by-operator\)\n[^]*first used +\S+ from 192\.0\.2\.7, Okta/,
    )
    expect(finished.out).toMatch(/ended +\S+ by admin token bootstrap at 127\.0\.0\.1, request \S+/)
  })

  test('cancels a rotation or a key, reveals what the schedule minted, and tells misuse apart', async () => {
    const { id, kid } = await service.inUse()
    const of = ['--connection', id]
    await latchkey('keys', 'rotate', ...of)
    expect((await latchkey('keys', 'cancel', ...of)).out).toMatch(/state +cancelled \(new-cancelled\)/)
    const { newKey } = (await start(id)).body
    expect((await latchkey('keys', 'cancel', newKey.kid)).out).toMatch(/state +cancelled/)
    await latchkey('keys', 'policy', ...of, '--every', '20d', '--ahead', '19d', '--grace', '23h')
    now = days(2, now)
    const { items } = await until(
      async () => (await service.ask('GET', `/connections/${id}/rotations`)).body,
      (list) => list.items[0].state === 'running',
    )
    const scheduled = items[0].newKey.kid
    expect((await latchkey('keys', 'show', ...of)).out).toContain(`latchkey keys reveal ${scheduled}`)
    const revealed = await latchkey('keys', 'reveal', scheduled)
    expect(readKey(/^key +(\S+)$/m.exec(revealed.out)?.[1] ?? '')).toMatchObject({ kid: scheduled })
    expect((await latchkey('keys', 'reveal', scheduled)).code).toBe(1)
    for (const misuse of [
      ['cancel'],
      ['cancel', kid, ...of],
      ['show'],
      ['policy', ...of, '--every', '36h'],
      ['rotate', ...of, '--grace', 'soon'],
      ['rotate', ...of, '--mode', 'fast'],
    ]) {
      expect(await latchkey('keys', ...misuse)).toMatchObject({ code: 2, out: '' })
    }
    expect((await latchkey('keys', 'show', 'abcdefghijkl')).code).toBe(4)
  })
})

test('while it is not known what is in use nothing is cancelled, and what was cancelled before is answered again', async () => {
  const { id } = await service.inUse()
  const { newKey } = (await start(id)).body
  const cancel = (key: string) =>
    service.ask('POST', `/keys/${newKey.kid}/cancel`, undefined, { 'idempotency-key': key })
  const key = crypto.randomUUID()
  areUsesKnown = false
  const detail = expect.stringMatching(
    /^Which keys are in use is not known .* within 10 seconds\. .* Try again in a few seconds/,
  )
  expect(await cancel(key)).toMatchObject({ status: 503, body: { code: 'unavailable', detail } })
  areUsesKnown = true
  const cancelled = await cancel(key)
  expect(cancelled.body.state).toBe('cancelled')
  areUsesKnown = false
  expect(await cancel(key)).toMatchObject({ status: 200, body: cancelled.body })
  expect((await cancel(crypto.randomUUID())).status).toBe(503)
  areUsesKnown = true
})

test('all the while nothing failed, and no event was buried', async () => {
  expect(service.failures).toEqual([])
  expect(await service.database.query('SELECT reason FROM keys.dead_letter')).toEqual([])
})
