import pg from 'pg'
import { newId } from '#libs/events/index'
import { Connection } from './connection.ts'
import { drive, type Load, openConnections, pace, type Target } from './drive.ts'
import type { Figures, Floor } from './figures.ts'
import { caughtUp, type Lag, LagWatch } from './follower-lag.ts'
import { httpFloor } from './http-floor.ts'
import { postgresTime, processorTime } from './processes.ts'
import { idOf, requestsAt } from './requests.ts'
import type { Running } from './shapes.ts'
import { type AppendsTo, rowsOf, sampleName, watching, type WriteFloor } from './write-floor.ts'

export interface MeasureOptions {
  readonly seconds: number
  readonly connections: readonly number[]
  /** The Postgres that both the program and the floors use. */
  readonly postgres: { readonly url: string; readonly pid: number }
  readonly appendsTo: AppendsTo
  /** Absent when floors are not asked for. */
  readonly floors?: WriteFloor
  /** Operations whose name holds this; all of them without. */
  readonly only?: string
  readonly told: (row: Row) => void
}

export interface Row extends Figures {
  readonly floors: readonly Floor[]
}

export interface Measured {
  readonly rows: readonly Row[]
  readonly lag: { readonly perSecond: number; readonly followers: readonly Lag[] }
  /** Milliseconds that the followers went on after each run of creates. */
  readonly behind: readonly { readonly connections: number; readonly milliseconds: number }[]
  readonly created: number
}

const largeGroup = 100_000
const membersAtOnce = 10_000
const smallGroup = 10
/** So that what is read, changed and added differs from the start. */
const firstUsers = 300

/** Everything that is measured of one shape, one after the other, each beside its floors. */
export async function measure(program: Running, options: MeasureOptions): Promise<Measured> {
  const client = new pg.Client({ connectionString: options.postgres.url })
  await client.connect()
  try {
    return await measureOver(client, program, options)
  } finally {
    await client.end()
  }
}

async function measureOver(client: pg.Client, program: Running, options: MeasureOptions): Promise<Measured> {
  const { seconds, postgres, floors, appendsTo } = options
  const requests = requestsAt(new URL(program.scimBaseUrl).pathname)
  const target: Target = {
    url: program.url,
    headers: `authorization: Bearer ${program.key}\r\ncontent-type: application/scim+json\r\n`,
    processorTime: () => ({ processor: processorTime(program.pids), postgres: postgresTime(postgres.pid) }),
  }
  const one = await Connection.open(new URL(program.url))
  const ask = async (request: ReturnType<typeof requests.createUser>) => {
    const reply = await one.request(request.method, request.path, target.headers, request.body)
    if (reply.status !== request.expect)
      throw new Error(`${request.method} was answered ${reply.status}: ${reply.body}`)
    return reply
  }

  const rows: Row[] = []
  const behind: Measured['behind'][number][] = []
  const isWanted = (name: string): boolean => options.only === undefined || name.includes(options.only)
  const run = async (load: Omit<Load, 'seconds'>, floorsOf: () => Promise<Omit<Floor, 'ratio'>[]>): Promise<void> => {
    if (!isWanted(load.name)) return
    const figures = await drive(target, { ...load, seconds })
    const beside = floors === undefined ? [] : await floorsOf()
    const row = {
      ...figures,
      floors: beside.map((floor) => ({ ...floor, ratio: figures.perSecond / floor.perSecond })),
    }
    rows.push(row)
    options.told(row)
  }
  const writeFloors = async (kind: 'create' | 'update', sample: Awaited<ReturnType<typeof rowsOf>>, waiting: number) =>
    floors === undefined
      ? []
      : [
          await floors.oneStatement(kind, sample, waiting, seconds),
          await floors.microBatched(kind, sample, waiting, seconds),
        ]

  const { sampleId, created, updated } = await watching(client, appendsTo, async () => {
    const id = idOf((await ask(requests.createUser(sampleName))).body)
    const made = await rowsOf(client, appendsTo, id)
    await ask(requests.setActive(id, false))
    return { sampleId: id, created: made, updated: await rowsOf(client, appendsTo, id) }
  })
  const ids: string[] = [sampleId]
  for (let made = 0; made < firstUsers; made++) ids.push(idOf((await ask(requests.createUser(`first-${made}`))).body))
  const anyId = (number: number): string => ids[(number * 7919) % ids.length] ?? ''
  const [small, large] = [idOf((await ask(requests.createGroup('small', someIds(smallGroup)))).body), await makeLarge()]

  let top = 0
  for (const connections of options.connections) {
    const name = (number: number): string => `u${connections}-${number}`
    const before = ids.length
    await run(
      {
        name: 'create user',
        connections,
        request: (number) => requests.createUser(name(number)),
        answered: (reply) => void ids.push(idOf(reply.body)),
      },
      async () => {
        const ended = performance.now()
        await caughtUp(client, ids.slice(before).slice(-500))
        behind.push({ connections, milliseconds: performance.now() - ended })
        return writeFloors('create', created, connections)
      },
    )
    top = Math.max(top, ...rows.filter((row) => row.name === 'create user').map((row) => row.perSecond))
    for (const [title, request] of [
      ['read user by id', (number: number) => requests.readUser(anyId(number))],
      ['filter on userName', (number: number) => requests.findUser(name(number % 100))],
    ] as const) {
      const load = { name: title, connections, request, seconds }
      await run(load, async () => [await httpFloor(await ask(request(0)), target.headers, load)])
    }
    await run(
      {
        name: 'PATCH active',
        connections,
        request: (number) => requests.setActive(anyId(number), number % 2 === 0),
      },
      () => writeFloors('update', updated, connections),
    )
    for (const [title, group, status] of [
      [`add member to ${smallGroup}`, small, 200],
      [`add member to ${largeGroup}`, large, 204],
    ] as const) {
      let member = ''
      const members = Array.from({ length: connections }, () => member)
      await run(
        {
          name: title,
          connections,
          request: (number, of) => {
            if (of.number % 2 === 1)
              return { ...requests.removeMember(group, members[of.connection] ?? '', status), timed: false }
            members[of.connection] = anyId(number)
            return requests.addMembers(group, [anyId(number)], status)
          },
        },
        async () => [],
      )
    }
  }
  const lag = isWanted('201 to followers') ? await lagAt(top / 2) : { perSecond: 0, followers: [] }
  one.close()
  return { rows, lag, behind, created: ids.length }

  async function makeLarge(): Promise<string> {
    const group = idOf((await ask(requests.createGroup('large', []))).body)
    if (!isWanted(`add member to ${largeGroup}`)) return group
    for (let made = 0; made < largeGroup; made += membersAtOnce)
      await ask(requests.addMembers(group, someIds(membersAtOnce), made === 0 ? 200 : 204))
    return group
  }

  async function lagAt(rate: number): Promise<Measured['lag']> {
    const watching = new pg.Client({ connectionString: postgres.url })
    await watching.connect()
    const watch = new LagWatch(watching)
    const connections = await openConnections(target.url, 128)
    const figures = await pace(target, {
      name: 'create user, paced',
      rate,
      connections,
      seconds: Math.max(seconds, 5),
      request: (number) => requests.createUser(`paced-${number}`),
      answered: (reply) => watch.answered(idOf(reply.body)),
    })
    for (const connection of connections) connection.close()
    const followers = await watch.lags()
    await watching.end()
    const row = { ...figures, floors: [] }
    rows.push(row)
    options.told(row)
    return { perSecond: figures.perSecond, followers }
  }
}

/** Ids that name nobody: members whom the identity provider has not brought yet. */
function someIds(many: number): string[] {
  return Array.from({ length: many }, () => newId())
}
