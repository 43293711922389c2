import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { type TestDatabase, testDatabase } from '#test/servers/postgres'
import { Database, type Doubt, Lanes, LaneTables } from './index.ts'

/** What the way to Postgres does with a COMMIT: the answer is lost either way. */
type Loss = 'before Postgres has it' | 'after Postgres has it'

let server: TestDatabase
let database: Database
let lanes: Lanes
let loss: Loss | undefined
const sockets: Socket[] = []
const way = createServer((client) => {
  const there = connect(Number(new URL(server.url).port), '127.0.0.1')
  sockets.push(client, there)
  for (const socket of [client, there]) socket.on('error', () => undefined)
  client.on('data', (chunk) => {
    const lost = loss !== undefined && chunk.includes('COMMIT') ? loss : undefined
    if (lost !== 'before Postgres has it') there.write(chunk)
    if (lost === undefined) return
    loss = undefined
    there.unpipe(client)
    client.destroy()
    // In order behind the COMMIT, so that Postgres carries it out first.
    there.end()
  })
  there.pipe(client)
  there.on('close', () => client.destroy())
})

beforeAll(async () => {
  server = await testDatabase()
  await once(way.listen(0, '127.0.0.1'), 'listening')
  const address = way.address()
  const url = new URL(server.url)
  url.port = String(typeof address === 'object' ? address?.port : address)
  database = new Database({
    url: url.href,
    applicationName: 'lanes test',
    connections: 2,
    onIdleFailure: () => undefined,
  })
  await database.query('CREATE SCHEMA told')
  await database.query(LaneTables.create('told'))
  await database.query('CREATE TABLE told.written (number int)')
  lanes = new Lanes(database, 'told')
})

afterAll(async () => {
  await database.close()
  for (const socket of sockets) socket.destroy()
  way.close()
  await server.drop()
})

async function write(number: number): Promise<Doubt | 'committed' | 'failed'> {
  const ending = await lanes.transaction(async (transaction) => {
    await transaction.query('INSERT INTO told.written VALUES ($1)', [number])
  })
  return ending.kind === 'in doubt' ? ending.doubt : ending.kind
}

const isWritten = async (number: number): Promise<boolean> =>
  (await database.query('SELECT FROM told.written WHERE number = $1', [number])).length === 1

test.each([
  ['before Postgres has it', 1, false],
  ['after Postgres has it', 2, true],
] as const)('a transaction whose COMMIT is lost %s is known for what became of it', async (how, number, committed) => {
  expect(await write(0)).toBe('committed')
  loss = how
  const doubt = await write(number)
  if (typeof doubt === 'string') throw new Error(`the transaction is not in doubt, but ${doubt}`)
  expect(await doubt.committed()).toBe(committed)
  expect(await isWritten(number)).toBe(committed)
  expect(await doubt.committed()).toBe(committed)
})

test('what was asked about is not committed later, and other transactions go on', async () => {
  loss = 'before Postgres has it'
  const doubt = await write(3)
  if (typeof doubt === 'string') throw new Error(`the transaction is not in doubt, but ${doubt}`)
  expect(await doubt.committed()).toBe(false)
  const [lane] = await database.query<{ id: string }>(
    'SELECT id FROM told.lane WHERE closed ORDER BY used_at DESC LIMIT 1',
  )
  // As of a server that stood still and only then finds the transaction in its socket.
  const late = database.query(
    `INSERT INTO told.lane AS l (id, newest) VALUES ($1, 9) ON CONFLICT (id) DO UPDATE
     SET newest = CASE WHEN l.closed THEN NULL ELSE excluded.newest END`,
    [lane?.id],
  )
  await expect(late).rejects.toMatchObject({ code: '23502' })
  expect(await write(4)).toBe('committed')
  expect(await isWritten(4)).toBe(true)
})

test('a transaction that fails by itself is not in doubt', async () => {
  const ending = await lanes.transaction((transaction) => transaction.query('SELECT 1 / 0'))
  expect(ending).toMatchObject({ kind: 'failed', failure: { code: '22012' } })
})
