import { Agent } from 'node:http'
import { connect, createServer, type Socket } from 'node:net'
import { once } from 'node:events'
import { jest } from '@jest/globals'
import { startOwnPostgres } from '../servers/own-postgres.ts'
import { ask, childrenOf, Ground, newUser, rowsOf, until, user } from './running-program.ts'

jest.setTimeout(300_000)

const ground = new Ground()
const closing: (() => unknown)[] = []
afterAll(async () => {
  await ground.end()
  for (const close of closing) await close()
})

const freezes = 3
const connections = 16

test('Postgres stands still under load: each request is decided once, and the decision tells what became of the record', async () => {
  const postgres = await startOwnPostgres()
  closing.push(() => postgres.stop())
  const database = await postgres.createDatabase()
  const [found] = await rowsOf<{ pid: string }>(
    database,
    "SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1) AS pid",
  )
  const postmaster = Number(found?.pid)
  let frozen: number[] = []
  let armed = false
  const way = await openWay(database, (chunk) => {
    if (!armed || !chunk.includes('COMMIT') || !/outcome\\*":\\*"accepted/.test(chunk.toString('latin1'))) return
    armed = false
    frozen = [postmaster, ...childrenOf(postmaster)]
    for (const pid of frozen) process.kill(pid, 'SIGSTOP')
  })
  closing.unshift(way.close, () => frozen.forEach((pid) => process.kill(pid, 'SIGCONT')))
  const program = await ground.start(ground.folder(), { DATABASE_URL: way.url })
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  const answered = new Map<string, number>()
  let unanswered = 0
  let done = false

  async function client(number: number): Promise<void> {
    for (let turn = 0; !done; turn++) {
      const created = await sent([201], `${program.scimBaseUrl}/Users`, { body: newUser(`person-${number}-${turn}`) })
      if (!created.isDone) continue
      const { id } = user.parse(created.body)
      answered.set(id, 1)
      for (const value of [false, true]) {
        const schemas = ['urn:ietf:params:scim:api:messages:2.0:PatchOp']
        const body = { schemas, Operations: [{ op: 'replace', path: 'active', value }] }
        // 204 where it was written, and could not be read again to be shown.
        if (!(await sent([200, 204], `${program.scimBaseUrl}/Users/${id}`, { method: 'PATCH', body })).isDone) break
        answered.set(id, (answered.get(id) ?? 0) + 1)
      }
    }
  }

  /** Not done is what is answered 503. */
  async function sent(wanted: readonly number[], address: string, what: { method?: string; body: object }) {
    const { status, body } = await ask(address, { token: program.key, agent, ...what })
    if (wanted.includes(status)) return { isDone: true, body }
    expect(status).toBe(503)
    unanswered++
    await new Promise((resolve) => setTimeout(resolve, 25))
    return { isDone: false, body }
  }

  async function freezeInTurn(): Promise<void> {
    for (let turn = 0; turn < freezes; turn++) {
      const users = answered.size
      await until('the load is on', () => answered.size > users + 200)
      const before = unanswered
      armed = true
      await until('it is noticed', () => unanswered > before + connections)
      for (const pid of frozen.splice(0)) process.kill(pid, 'SIGCONT')
    }
    const users = answered.size
    await until('the load goes on', () => answered.size > users + 100)
    done = true
  }

  await Promise.all([freezeInTurn(), ...Array.from({ length: connections }, (_, number) => client(number))])
  agent.destroy()
  // Ending waits for the queue of decisions.
  expect(await program.stop()).toEqual({ code: 0, signal: null })
  const decided = await rowsOf<{ request: string; told: string; subject: string | null }>(
    database,
    `SELECT subject AS request, payload::jsonb ->> 'outcome' AS told, payload::jsonb #>> '{subject,id}' AS subject
     FROM event_log.event WHERE name = 'request.decided' AND payload::jsonb ->> 'operation' IN ('users.create', 'users.patch')`,
  )
  const times = Map.groupBy(decided, ({ request }) => request)
  expect([...times.values()].filter((all) => all.length > 1)).toEqual([])
  const accepted = Map.groupBy(
    decided.filter(({ told }) => told === 'accepted'),
    ({ subject }) => subject,
  )
  const records = await rowsOf<{ id: string; version: number }>(database, 'SELECT id, version FROM gateway.scim_user')
  const versions = new Map(records.map(({ id, version }) => [id, version]))
  expect(new Map([...accepted].map(([id, all]) => [id, all.length]))).toEqual(versions)
  expect([...answered].filter(([id, version]) => version > (versions.get(id) ?? 0))).toEqual([])
})

/** A way to Postgres on which `sent` sees what clients send before the server does. */
async function openWay(database: string, sent: (chunk: Buffer) => void): Promise<{ url: string; close(): void }> {
  const url = new URL(database)
  const port = Number(url.port)
  const sockets: Socket[] = []
  const server = createServer((client) => {
    const there = connect(port, '127.0.0.1')
    sockets.push(client, there)
    for (const [one, other] of [
      [client, there],
      [there, client],
    ] as const) {
      one.on('error', () => other.destroy()).on('close', () => other.end())
    }
    client.on('data', (chunk) => {
      sent(Buffer.from(chunk))
      there.write(chunk)
    })
    there.pipe(client)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  url.port = String(typeof address === 'object' ? address?.port : address)
  return {
    url: url.href,
    close() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}
