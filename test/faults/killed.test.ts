import { Agent } from 'node:http'
import { jest } from '@jest/globals'
import { z } from 'zod'
import {
  type Answer,
  ask,
  childrenOf,
  create,
  Ground,
  newConnection,
  newUser,
  rowsOf,
  until,
  user,
} from './running-program.ts'

jest.setTimeout(240_000)

const rotation = z.looseObject({ id: z.string(), key: z.string() })

const ground = new Ground()
afterAll(() => ground.end())

/** The same moments each time (mulberry32): how a failure came about can be seen again. */
function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const creates = 2_000
const connections = 16
const kills = ['program', 'postgres', 'program', 'postgres', 'both', 'program'] as const

test('a create that was answered is there exactly once, everywhere, whatever was killed meanwhile', async () => {
  const random = randomOf(20_261_124)
  const data = ground.folder()
  let program = await ground.start(data)
  const port = program.port
  const doors = [{ base: program.scimBaseUrl, key: program.key }, await newConnection(program, 'other')]
  const agent = new Agent({ keepAlive: true, maxSockets: connections })

  const answered = new Map<string, string>()
  let begun = 0
  let lost = 0
  let refused = 0
  const killAt = kills.map((_, turn) => Math.floor((creates * (turn + 0.2 + 0.6 * random())) / kills.length))

  async function createUntilAnswered(door: { base: string; key: string }): Promise<void> {
    for (;;) {
      const userName = `person-${(begun += 1)}`
      const answer = await createAt(door, userName)
      if (answer?.status === 201) return void answered.set(user.parse(answer.body).id, userName)
      if (answer === undefined) lost++
      else {
        expect([answer.status, Number(answer.headers['retry-after']) > 0]).toEqual([503, true])
        refused++
      }
      await new Promise((resolve) => setTimeout(resolve, 25))
    }
  }

  function createAt(door: { base: string; key: string }, userName: string): Promise<Answer | undefined> {
    return ask(`${door.base}/Users`, { token: door.key, body: newUser(userName), agent }).catch(() => undefined)
  }

  async function killInTurn(): Promise<void> {
    for (const [turn, what] of kills.entries()) {
      await until(`${killAt[turn]} creates are answered`, () => answered.size >= (killAt[turn] ?? 0))
      await new Promise((resolve) => setTimeout(resolve, random() * 20))
      if (what !== 'program') process.kill(program.postgres.pid, 'SIGKILL')
      if (what !== 'postgres') {
        program.signal('SIGKILL')
        await program.exit
        program = await ground.start(data, { LATCHKEY_PORT: port })
      } else {
        await until('Postgres is back', async () => (await createAt(doors[0]!, `probe-${turn}`))?.status === 201)
      }
    }
  }

  let left = creates
  const client = async (door: { base: string; key: string }): Promise<void> => {
    while (left-- > 0) await createUntilAnswered(door)
  }
  await Promise.all([killInTurn(), ...Array.from({ length: connections }, (_, at) => client(doors[at % 2]!))])
  agent.destroy()
  expect(answered.size).toBe(creates)
  expect(lost + refused).toBeGreaterThan(0)

  // Ready means that every follower has caught up.
  expect(await program.stop()).toEqual({ code: 0, signal: null })
  program = await ground.start(data, { LATCHKEY_PORT: port })
  const { url } = program.postgres
  const [records, events, people, decided, audited, [dead], others] = await Promise.all([
    rowsOf<{ id: string; name: string }>(
      url,
      `SELECT id, document->>'userName' AS name FROM gateway.scim_user ORDER BY id`,
    ),
    rowsOf<{ id: string }>(
      url,
      `SELECT subject AS id FROM event_log.event WHERE name = 'user.provisioned' ORDER BY subject`,
    ),
    rowsOf<{ id: string }>(url, 'SELECT id FROM directory.person WHERE version = 1 AND facts IS NOT NULL ORDER BY id'),
    rowsOf<{ id: string }>(
      url,
      `SELECT payload::jsonb #>> '{subject,id}' AS id FROM event_log.event WHERE name = 'request.decided'
       AND payload::jsonb ->> 'outcome' = 'accepted' AND payload::jsonb ->> 'operation' = 'users.create' ORDER BY 1`,
    ),
    rowsOf<{ id: string }>(
      url,
      `SELECT payload::jsonb #>> '{subject,id}' AS id FROM audit.record
       WHERE outcome = 'accepted' AND operation = 'users.create' AND status = 201 ORDER BY 1`,
    ),
    rowsOf<{ letters: string }>(
      url,
      `SELECT (SELECT count(*) FROM gateway.dead_letter) + (SELECT count(*) FROM keys.dead_letter)
       + (SELECT count(*) FROM directory.dead_letter) + (SELECT count(*) FROM audit.dead_letter) AS letters`,
    ),
    rowsOf(url, `SELECT name FROM event_log.event WHERE name LIKE 'user.%' AND name <> 'user.provisioned'`),
  ])
  const names = new Map(records.map(({ id, name }) => [id, name]))
  expect([...answered].filter(([id, userName]) => names.get(id) !== userName)).toEqual([])
  const ids = records.map(({ id }) => id)
  for (const found of [events, people, decided, audited]) expect(found.map(({ id }) => id)).toEqual(ids)
  expect(others).toEqual([])
  expect(dead).toEqual({ letters: '0' })
})

test('a first use that was answered keeps the rotation from being cancelled, also where the program was killed right after', async () => {
  const data = ground.folder()
  let program = await ground.start(data)
  const admin = (path: string, body?: object): Promise<Answer> =>
    ask(`${program.url}/admin/v1${path}`, { token: program.adminToken, ...(body === undefined ? {} : { body }) })
  const { base } = await newConnection(program, 'rotated')
  const started = rotation.parse((await admin(`/connections/${base.split('/').at(-1)}/rotations`, {})).body)
  await until('the next key is used', async () => (await ask(`${base}/Users`, { token: started.key })).status === 200)
  program.signal('SIGKILL')
  await program.exit
  program = await ground.start(data, { LATCHKEY_PORT: program.port })
  expect((await admin(`/rotations/${started.id}/cancel`, {})).status).toBe(409)
  expect((await ask(`${base}/Users`, { token: started.key })).status).toBe(200)
})

test('while Postgres is gone requests are answered 503 with Retry-After, and afterwards as before, by the same process', async () => {
  const program = await ground.start(ground.folder())
  const { key, scimBaseUrl, adminToken, url } = program
  const made = user.parse((await create(program, 'before')).body)
  const connection = scimBaseUrl.split('/').at(-1)
  const requests: [name: string, send: () => Promise<Answer>, usual: number][] = [
    ['create', () => ask(`${scimBaseUrl}/Users`, { token: key, body: newUser(`during-${Math.random()}`) }), 201],
    ['read', () => ask(`${scimBaseUrl}/Users/${made.id}`, { token: key }), 200],
    ['list', () => ask(`${scimBaseUrl}/Users`, { token: key }), 200],
    ['admin', () => ask(`${url}/admin/v1/tenants`, { token: adminToken }), 200],
    ['directory', () => ask(`${url}/directory/v1/${connection}/users`, { token: adminToken }), 200],
    ['audit', () => ask(`${url}/audit/v1/records`, { token: adminToken }), 200],
    ['ready', () => ask(`${url}/health/ready`, { token: '' }), 200],
  ]
  const { pid } = program.postgres
  const seen = new Map<string, Set<string>>()
  process.kill(pid, 'SIGKILL')
  for (let round = 0; round < 3; round++) {
    await Promise.all(
      requests.map(async ([name, send]) => {
        const { status, headers } = await send()
        const told = status === 503 && name !== 'ready' ? `503 after ${String(headers['retry-after'])}` : String(status)
        seen.set(name, (seen.get(name) ?? new Set()).add(told))
      }),
    )
  }
  for (const [name, send, usual] of requests)
    await until(`${name} is answered`, async () => (await send()).status === usual)
  const odd = requests.flatMap(([name, , usual]) =>
    [...(seen.get(name) ?? [])]
      .filter((told) => told !== String(usual) && !/^503( after \d+)?$/.test(told))
      .map((told) => `${name}: ${told}`),
  )
  expect(odd).toEqual([])
  expect([...(seen.get('create') ?? [])].some((told) => told.startsWith('503 after'))).toBe(true)
  expect(program.hasEnded).toBe(false)
  expect((await ask(`${scimBaseUrl}/Users/${made.id}`, { token: key })).body).toMatchObject(made)
  expect(await program.stop()).toEqual({ code: 0, signal: null })
})

test('while Postgres is there but silent, all that asks for it is answered 503 in a few seconds', async () => {
  const program = await ground.start(ground.folder())
  const { url, scimBaseUrl, key, adminToken, postgres } = program
  const ada = user.parse((await create(program, 'ada')).body)
  const connection = scimBaseUrl.split('/').at(-1)
  const askAll = (name: string): Promise<Answer>[] => [
    ask(`${scimBaseUrl}/Users/${ada.id}`, { token: key }),
    ask(`${scimBaseUrl}/Users`, { token: key }),
    create(program, name),
    ask(`${url}/admin/v1/tenants`, { token: adminToken }),
    ask(`${url}/admin/v1/tenants`, { token: adminToken, body: { name } }),
    ask(`${url}/directory/v1/${connection}/users`, { token: adminToken }),
    ask(`${url}/audit/v1/records`, { token: adminToken }),
  ]
  await Promise.all(askAll('before'))

  process.kill(postgres.pid, 'SIGSTOP')
  const processes = [postgres.pid, ...childrenOf(postgres.pid)]
  for (const pid of processes) process.kill(pid, 'SIGSTOP')
  let answers: Answer[] = []
  void Promise.all(askAll('silent')).then((all) => (answers = all))
  await until('all are answered', () => answers.length > 0)
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 503))
  expect(answers.filter(({ headers }) => !(Number(headers['retry-after']) > 0))).toEqual([])

  for (const pid of processes) process.kill(pid, 'SIGCONT')
  const again = async (): Promise<number[]> =>
    (await Promise.all(askAll(`again-${Math.random()}`))).map(({ status }) => status)
  const served = [200, 200, 201, 200, 201, 200, 200]
  await until('all are served again', async () => (await again()).every((status, at) => status === served[at]))
  expect(await program.stop()).toEqual({ code: 0, signal: null })
})
