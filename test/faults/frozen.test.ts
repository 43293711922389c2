import { Agent } from 'node:http'
import { jest } from '@jest/globals'
import { ask, childrenOf, Ground, newUser, rowsOf, until, user } from './running-program.ts'

jest.setTimeout(180_000)

const ground = new Ground()
afterAll(() => ground.end())

const freezes = 4
const connections = 16

test('Postgres stands still under load: each request is decided once, and the decision tells what became of the record', async () => {
  const program = await ground.start(ground.folder())
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  const answered = new Map<string, number>()
  let unanswered = 0
  let done = false

  async function client(number: number): Promise<void> {
    for (let turn = 0; !done; turn++) {
      const created = await send(201, `${program.scimBaseUrl}/Users`, { body: newUser(`person-${number}-${turn}`) })
      if (created === undefined) continue
      const { id } = user.parse(created)
      answered.set(id, 1)
      for (const value of [false, true]) {
        const schemas = ['urn:ietf:params:scim:api:messages:2.0:PatchOp']
        const body = { schemas, Operations: [{ op: 'replace', path: 'active', value }] }
        const changed = await send(200, `${program.scimBaseUrl}/Users/${id}`, { method: 'PATCH', body })
        if (changed === undefined) break
        answered.set(id, (answered.get(id) ?? 0) + 1)
      }
    }
  }

  /** The body of the answer; undefined when it is 503. */
  async function send(wanted: number, address: string, what: { method?: string; body: object }): Promise<unknown> {
    const { status, body } = await ask(address, { token: program.key, agent, ...what })
    if (status === wanted) return body
    expect(status).toBe(503)
    unanswered++
    await new Promise((resolve) => setTimeout(resolve, 25))
    return undefined
  }

  async function freezeInTurn(): Promise<void> {
    for (let turn = 0; turn < freezes; turn++) {
      const users = answered.size
      await until('the load is on', () => answered.size > users + 200)
      const before = unanswered
      const processes = [program.postgres.pid, ...childrenOf(program.postgres.pid)]
      for (const pid of processes) process.kill(pid, 'SIGSTOP')
      await until('it is noticed', () => unanswered > before + connections)
      for (const pid of processes) process.kill(pid, 'SIGCONT')
    }
    const users = answered.size
    await until('the load goes on', () => answered.size > users + 100)
    done = true
  }

  await Promise.all([freezeInTurn(), ...Array.from({ length: connections }, (_, number) => client(number))])
  agent.destroy()
  // Ending waits for the queue of decisions.
  expect(await program.stop()).toEqual({ code: 0, signal: null })
  const again = await ground.start(program.data)
  const decided = await rowsOf<{ request: string; told: string; subject: string | null }>(
    again.postgres.url,
    `SELECT subject AS request, payload::jsonb ->> 'outcome' AS told, payload::jsonb #>> '{subject,id}' AS subject
     FROM event_log.event WHERE name = 'request.decided' AND payload::jsonb ->> 'operation' IN ('users.create', 'users.patch')`,
  )
  const times = Map.groupBy(decided, ({ request }) => request)
  expect([...times.values()].filter((all) => all.length > 1)).toEqual([])
  const accepted = Map.groupBy(
    decided.filter(({ told }) => told === 'accepted'),
    ({ subject }) => subject,
  )
  const records = await rowsOf<{ id: string; version: number }>(
    again.postgres.url,
    'SELECT id, version FROM gateway.scim_user',
  )
  const versions = new Map(records.map(({ id, version }) => [id, version]))
  expect(new Map([...accepted].map(([id, all]) => [id, all.length]))).toEqual(versions)
  expect([...answered].filter(([id, version]) => version > (versions.get(id) ?? 0))).toEqual([])
  expect(await again.stop()).toEqual({ code: 0, signal: null })
})
