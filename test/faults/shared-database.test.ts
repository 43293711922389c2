import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { jest } from '@jest/globals'
import { z } from 'zod'
import { readSigningKey, signRequest } from '#libs/signatures/index'
import {
  ask,
  create,
  emptyDatabase,
  Ground,
  metric,
  newConnection,
  type Program,
  refusal,
  rowsOf,
  until,
  users,
} from './running-program.ts'

jest.setTimeout(180_000)

const ground = new Ground()
afterAll(() => ground.end())

describe('with DATABASE_URL', () => {
  test('two programs that start at once on an empty database share all of it, and apply every event once', async () => {
    const host = await ground.start(ground.folder())
    const DATABASE_URL = await emptyDatabase(host)
    const data = ground.folder()
    const programs = [ground.launch(data, { DATABASE_URL }), ground.launch(data, { DATABASE_URL })] as const
    const [one, other] = programs
    await Promise.all([one.ready(), other.ready()])
    expect(existsSync(join(data, 'postgres'))).toBe(false)
    expect(one.key).toBe(other.key)

    const made = await Promise.all(
      Array.from({ length: 200 }, (_, at) => create(programs[at % 2 === 0 ? 0 : 1], `person-${at}`)),
    )
    expect(new Set(made.map(({ status }) => status))).toEqual(new Set([201]))
    for (const program of programs) expect(await users(program)).toHaveLength(200)
    const decisions = made.length + programs.length
    const logged = async (name: string): Promise<number | undefined> => {
      const counting = `SELECT count(*)::int AS found FROM event_log.event WHERE name = $$${name}$$`
      return (await rowsOf<{ found: number }>(DATABASE_URL, counting))[0]?.found
    }
    await until('the decisions of the lists are appended', async () => (await logged('request.decided')) === decisions)
    expect(await logged('user.provisioned')).toBe(200)
    const applied = async (group: string): Promise<number> => {
      const each = programs.map((program) => metric(program, `latchkey_follower_applied_total{group="${group}"}`))
      return (await Promise.all(each)).reduce((sum, count) => sum + count)
    }
    // It hears of rotations and connections, too.
    const counting = `SELECT count(*)::int AS found FROM event_log.event WHERE name = 'request.decided' OR name LIKE 'rotation.%' OR name LIKE 'connection.%'`
    const heard = async (): Promise<number> => (await rowsOf<{ found: number }>(DATABASE_URL, counting))[0]?.found ?? 0
    await until('audit has applied each once', async () => (await applied('audit')) === (await heard()))
    await until('the directory has followed', async () => (await applied('directory')) >= 200)
    const kept = `SELECT (SELECT count(*)::int FROM audit.record) AS records, (SELECT count(*)::int FROM directory.person WHERE version = 1) AS people`
    expect(await rowsOf(DATABASE_URL, kept)).toEqual([{ records: decisions, people: 200 }])

    const kid = one.key.split('_')[2]
    const revoked = await ask(`${one.url}/admin/v1/keys/${kid}/revoke`, { token: one.adminToken, body: {} })
    expect(revoked.status).toBe(200)
    for (const program of programs) {
      await until('the key is refused', async () => (await create(program, 'late')).status === 401)
    }
    await Promise.all(programs.map((program) => program.stop()))
    await host.stop()
  })

  test('of two programs one alone takes signed requests, so that none is taken twice, and the other follows when it has ended', async () => {
    const host = await ground.start(ground.folder())
    const DATABASE_URL = await emptyDatabase(host)
    const data = ground.folder()
    const one = await ground.start(data, { DATABASE_URL })
    // Signed is the address that clients call, whichever program answers.
    const other = await ground.start(data, { DATABASE_URL, LATCHKEY_PUBLIC_URL: one.url })
    const { base } = await newConnection(one, 'signed')
    const url = new URL(`${base}/Users`)
    const policy = { authentication: { method: 'signed', algorithm: 'hmac-sha256' } }
    const minting = `${one.url}/admin/v1/connections/${base.split('/').at(-1)}/keys`
    const minted = z
      .looseObject({ kid: z.string(), key: z.string(), signingSecret: z.string() })
      .parse((await ask(minting, { token: one.adminToken, body: { policy } })).body)
    const signing = readSigningKey('hmac-sha256', minted.signingSecret)
    if (signing === undefined) throw new Error('the secret is one')
    const signed = () => signRequest({ method: 'GET', url }, { keyid: minted.kid, key: signing }, { now: new Date() })
    const send = async (to: Program, headers: Record<string, string>): Promise<number> =>
      (await ask(`${to.url}${url.pathname}`, { token: minted.key, headers })).status

    await until('it is accepted', async () => (await send(one, signed())) === 200)
    const headers = signed()
    expect([await send(one, headers), await send(one, headers), await send(other, headers)]).toEqual([200, 401, 503])
    expect(await send(other, signed())).toBe(503)
    await one.stop()
    await until('the other takes them', async () => (await send(other, signed())) === 200)
    expect(await send(other, headers)).toBe(503)
    const again = signed()
    expect([await send(other, again), await send(other, again)]).toEqual([200, 401])
    await other.stop()
    await host.stop()
  })

  test('the file with the peppers is lost: the keys of the database are not silently refused, and no other file is made', async () => {
    const host = await ground.start(ground.folder())
    const DATABASE_URL = await emptyDatabase(host)
    const data = ground.folder()
    const first = await ground.start(data, { DATABASE_URL })
    await first.stop()
    rmSync(join(data, 'peppers'))
    const { code, lines } = await refusal(ground.launch(data, { DATABASE_URL }))
    const told = `The file ${join(data, 'peppers')} with the peppers is missing, and accepted keys (1: `
    expect([code, lines]).toEqual([1, [expect.stringContaining(told)]])
    expect(existsSync(join(data, 'peppers'))).toBe(false)
    await host.stop()
  })
})
