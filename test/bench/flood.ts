import { cpus } from 'node:os'
import { badKeys } from './bad-keys.ts'
import { Connection } from './connection.ts'
import { openConnections, pace, type Request, type Target } from './drive.ts'
import type { Figures } from './figures.ts'
import { type Flood, type Flooded, send } from './flood-sender.ts'
import { postgresTime, processorTime } from './processes.ts'
import { idOf, requestsAt } from './requests.ts'
import type { Running } from './shapes.ts'
import type { StatementCounter } from './statements.ts'

export interface FloodRow {
  readonly flood: Pick<Flood, 'kinds' | 'networks' | 'rate' | 'connections'>
  readonly flooded: Flooded
  /** Good requests, without bad keys beside them, and from the first of these on. */
  readonly alone: Observed
  readonly during: Observed
  /** Processor time of program and Postgres for one bad key, in microseconds. */
  readonly processor: number
}

/** What came of good requests, and what the program did meanwhile, a second. */
export interface Observed extends Figures {
  /** Keys and connections that were read from the database. */
  readonly lookUps: number
  readonly statements: number
  /** Requests that left a record. */
  readonly records: number
}

interface FloodOptions {
  readonly seconds: number
  /** Floods of kinds that hold this. */
  readonly only: string
  readonly postgres: { readonly pid: number }
  readonly statements: StatementCounter
  readonly told: (row: FloodRow) => void
}

/** Good requests a second. */
const goodRate = 200
const goodConnections = 8
const few = 64
const many = 1_024
const firstUsers = 200

const kindsOfFlood: readonly FloodRow['flood'][] = [
  ...[1_000, 3_000].map((rate) => ({ kinds: badKeys, networks: 50_000, rate, connections: few })),
  ...badKeys.flatMap((kind) =>
    [1, 500, 50_000].map((networks) => ({ kinds: [kind], networks, rate: 10_000, connections: few })),
  ),
  { kinds: badKeys, networks: 50_000, rate: 10_000, connections: few },
  { kinds: badKeys, networks: 50_000, rate: 10_000, connections: many },
]

/**
 * Good requests at an even rate, four reads and a create in turns, alone and while bad keys arrive; each flood is compared with the moments before it. Sender,
 * program and Postgres share one machine, so that what each of them takes is told too.
 */
export async function measureFloods(program: Running, options: FloodOptions): Promise<FloodRow[]> {
  const base = new URL(program.scimBaseUrl).pathname
  const good = await goodRequests(program, base, options)
  await good(options.seconds)
  const rows: FloodRow[] = []
  for (const flood of kindsOfFlood.filter(({ kinds }) => kinds.join().includes(options.only))) {
    const alone = await good(options.seconds)
    let during = alone
    const asked: Flood = {
      ...flood,
      url: program.url,
      path: `${base}/Users?count=1`,
      // Good requests are answered while it is under way, from the first to the last.
      seconds: options.seconds + 0.5,
      accepted: program.key,
    }
    const flooded = await send(asked, async () => void (during = await good(options.seconds)))
    // The sender is none of the others.
    const others = Math.max(0, during.others - flooded.sender / cpus().length)
    const processor = costOf(flooded, alone, during)
    const row = { flood, flooded, alone, during: { ...during, others }, processor }
    rows.push(row)
    options.told(row)
  }
  return rows
}

/** Bad keys that were answered in a second. */
export function answeredIn({ statuses, seconds }: Flooded): number {
  return Object.values(statuses).reduce((sum, count) => sum + count, 0) / seconds
}

/** What the program and Postgres used beyond what good requests cost them alone. */
function costOf(flooded: Flooded, alone: Figures, during: Figures): number {
  const perSecond = (figures: Figures): number => (figures.processor + figures.postgres) * figures.perSecond
  return (perSecond(during) - perSecond(alone)) / answeredIn(flooded)
}

async function goodRequests(
  program: Running,
  base: string,
  { postgres, statements }: FloodOptions,
): Promise<(seconds: number) => Promise<Observed>> {
  const requests = requestsAt(base)
  const target: Target = {
    url: program.url,
    headers: `authorization: Bearer ${program.key}\r\ncontent-type: application/scim+json\r\nx-forwarded-for: 198.51.100.7\r\nx-forwarded-proto: https\r\n`,
    processorTime: () => ({ processor: processorTime(program.pids), postgres: postgresTime(postgres.pid) }),
  }
  const one = await Connection.open(new URL(program.url))
  const ids: string[] = []
  for (let made = 0; made < firstUsers; made++) {
    const { method, path, body } = requests.createUser(`first-${made}`)
    ids.push(idOf((await one.request(method, path, target.headers, body)).body))
  }
  // They stand, and have been used, before bad keys arrive.
  const connections = await openConnections(program.url, goodConnections)
  for (const connection of connections) {
    const { method, path } = requests.readUser(ids[0] ?? '')
    await connection.request(method, path, target.headers)
  }
  let created = 0
  const request = (number: number): Request =>
    number % 5 === 4 ? requests.createUser(`good-${created++}`) : requests.readUser(ids[number % firstUsers] ?? '')
  const count = async () => ({ ...(await statements.read()), records: await recordsAt(one) })
  return async (seconds) => {
    const before = await count()
    const load = { name: 'good requests', rate: goodRate, connections, seconds, request }
    const figures = await pace(target, { ...load, answered: () => undefined })
    const after = await count()
    return {
      ...figures,
      lookUps: (after.lookUps - before.lookUps) / seconds,
      statements: (after.all - before.all) / seconds,
      records: (after.records - before.records) / seconds,
    }
  }
}

async function recordsAt(connection: Connection): Promise<number> {
  const { body } = await connection.request('GET', '/metrics', '')
  return Number(/^latchkey_events_appended_total\{name="request\.decided"\} (\d+)$/m.exec(body)?.[1] ?? Number.NaN)
}
