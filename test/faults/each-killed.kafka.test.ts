import { Agent } from 'node:http'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { jest } from '@jest/globals'
import { readPublished } from '../servers/published-events.ts'
import {
  type Answer,
  ask,
  embeddedPostgres,
  Ground,
  newConnection,
  newUser,
  type Program,
  rowsOf,
  until,
  user,
} from './running-program.ts'
import { serviceOf, services } from './services.ts'

jest.setTimeout(240_000)

const ground = new Ground()
afterAll(() => ground.end(), 120_000)

const requests = 5_000
const connections = 16

interface Door {
  readonly base: string
  readonly key: string
}

/** What one client knows of one user. */
interface Known {
  readonly door: Door
  readonly id: string
  active: boolean
}

test('whatever process is killed under load: each answered change is one record, one event, one person, one audit record', async () => {
  const data = ground.folder()
  const program = await ground.start(data, {}, 'distributed')
  const adminUrl = serviceOf(program, 'keys').url
  const doors = [
    { base: program.scimBaseUrl, key: program.key },
    await newConnection(program, 'other', adminUrl),
  ] as const
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  let answered = 0
  let attempts = 0
  const users = new Map<string, Known>()
  let failed = false

  const killed = (async () => {
    const kills = [...services, 'postgres', 'kafka', 'redis'] as const
    for (const [turn, what] of kills.entries()) {
      await until('its turn has come', () => answered >= ((turn + 0.5) * requests) / (kills.length + 1))
      const pid = findPid(program, data, what) ?? 0
      process.kill(pid, 'SIGKILL')
      await until(`${what} is back`, () => ![undefined, pid].includes(findPid(program, data, what)))
    }
  })()

  /** Sends it until it is answered as wanted: a change that was lost on its way is asked for again. */
  async function insist(send: () => Promise<Answer>, ...wanted: number[]): Promise<Answer> {
    for (;;) {
      if (failed) throw new Error('another part of the test has failed')
      attempts++
      const answer = await send().catch(() => undefined)
      if (answer !== undefined && wanted.includes(answer.status)) {
        answered++
        return answer
      }
      if (answer !== undefined) expect([answer.status, Number(answer.headers['retry-after']) > 0]).toEqual([503, true])
      await new Promise((resolve) => setTimeout(resolve, 25))
    }
  }

  async function client(number: number): Promise<void> {
    const door = doors[number % 2] ?? doors[0]
    const mine: Known[] = []
    for (let turn = 0; answered < requests; turn++) {
      const one = mine[Math.floor(turn / 3) % Math.max(1, mine.length)]
      if (turn % 3 === 0 || one === undefined) {
        const create = (): Promise<Answer> =>
          ask(`${door.base}/Users`, { token: door.key, body: newUser(`person-${attempts}-${number}`), agent })
        const { id } = user.parse((await insist(create, 201)).body)
        const known = { door, id, active: true }
        mine.push(known)
        users.set(id, known)
      } else {
        one.active = !one.active
        const body = {
          schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
          Operations: [{ op: 'replace', path: 'active', value: one.active }],
        }
        const change = (): Promise<Answer> =>
          ask(`${door.base}/Users/${one.id}`, { method: 'PATCH', token: door.key, body, agent })
        // 204 where it was written, and could not be read again to be shown.
        await insist(change, 200, 204)
      }
    }
  }
  const parts = [killed, ...Array.from({ length: connections }, (_, number) => client(number))]
  await Promise.all(parts).catch((error: unknown) => {
    failed = true
    throw error
  })
  agent.destroy()
  expect(attempts).toBeGreaterThan(answered)

  const { url } = embeddedPostgres(data)
  await until('Postgres answers', () =>
    rowsOf(url, 'SELECT').then(
      () => true,
      () => false,
    ),
  )
  const records = await rowsOf<{ id: string; version: number; active: boolean }>(
    url,
    'SELECT id, version, active FROM gateway.scim_user ORDER BY id',
  )
  const versions = new Map(records.map(({ id, version }) => [id, version]))
  for (const { id, active } of users.values()) {
    expect({ id, active: records.find((record) => record.id === id)?.active }).toEqual({ id, active })
  }
  await until('everything is published', async () => {
    const waiting = await rowsOf(
      url,
      'SELECT FROM gateway.outbox UNION ALL SELECT FROM keys.outbox UNION ALL SELECT FROM directory.outbox UNION ALL SELECT FROM audit.outbox',
    )
    return waiting.length === 0
  })

  const topics = ['people', 'sandbox-people', 'requests', 'sandbox-requests'].map((topic) => `latchkey.${topic}`)
  const published = await readPublished(`127.0.0.1:${portOf(data, 'kafka')}`, topics)
  const all = await published.all()
  await published.close()
  const told = new Map<string, number[]>()
  for (const { topic, headers } of all) {
    if (!topic.endsWith('people')) continue
    const subject = headers['ce_subject'] ?? ''
    told.set(subject, [...(told.get(subject) ?? []), Number(headers['ce_sequence'])])
  }
  expect([...told.keys()].sort()).toEqual(records.map(({ id }) => id))
  for (const [id, seen] of told) {
    expect([id, seen]).toEqual([id, Array.from({ length: versions.get(id) ?? 0 }, (_, at) => at + 1)])
  }

  const people = `SELECT id, version FROM directory.person WHERE facts IS NOT NULL ORDER BY id`
  const wanted = records.map(({ id, version }) => ({ id, version }))
  await until('the directory has followed', async () => same(await rowsOf(url, people), wanted))
  const decided = all
    .filter(({ topic }) => topic.endsWith('requests'))
    .map(({ headers }) => headers['ce_subject'] ?? '')
    .sort()
  expect(new Set(decided).size).toBe(decided.length)
  const audited = async (): Promise<string[]> =>
    (await rowsOf<{ id: string }>(url, 'SELECT id FROM audit.record ORDER BY id')).map(({ id }) => id)
  await until('the audit trail has followed', async () => same(await audited(), decided))
  const creates = await rowsOf<{ id: string }>(
    url,
    `SELECT payload::jsonb #>> '{subject,id}' AS id FROM audit.record
     WHERE outcome = 'accepted' AND operation = 'users.create' AND status = 201 ORDER BY 1`,
  )
  expect(creates.map(({ id }) => id)).toEqual(records.map(({ id }) => id))
  const dead = ['gateway', 'keys', 'directory', 'audit'].map(
    (schema) => `SELECT name, reason FROM ${schema}.dead_letter`,
  )
  expect(await rowsOf(url, dead.join(' UNION ALL '))).toEqual([])
  expect(await program.stop()).toEqual({ code: 0, signal: null })
})

/** Undefined while it is being started again. */
function findPid(
  program: Program,
  data: string,
  what: (typeof services)[number] | 'postgres' | 'kafka' | 'redis',
): number | undefined {
  try {
    if (what === 'postgres') return embeddedPostgres(data).pid
    if (what === 'kafka' || what === 'redis') return running(data, what).pid
    return serviceOf(program, what).pid
  } catch {
    return undefined
  }
}

function portOf(data: string, server: 'kafka' | 'redis'): number {
  return running(data, server).port
}

function running(data: string, server: 'kafka' | 'redis'): { pid: number; port: number } {
  return JSON.parse(readFileSync(join(data, server, 'running.json'), 'utf8'))
}

function same(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}
