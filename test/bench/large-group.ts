import { get } from 'node:http'
import pg from 'pg'
import type { Request } from './drive.ts'
import { type Spread, spread } from './figures.ts'
import type { Filled } from './filled.ts'
import { peakMemory, residentMemory, resetPeakMemory } from './processes.ts'

/** Users beside the members, for those that are added. */
export const candidates = 1_000
const ones = 300
const thousands = 15
const reads = 300
const patience = 30_000

/** One kind of request, sent one after the other. */
export interface Timed {
  readonly name: string
  /** From sending to the whole answer, at the client. */
  readonly client: Spread
  /** From arrival to the record of the request, which is written with the change: without the commit. */
  readonly server: Spread
}

export interface LargeGroup {
  readonly members: number
  readonly timed: readonly Timed[]
  /** What other readers saw while members were added, and after a refused request: the numbers of the new members there. */
  readonly seen: { readonly during: readonly number[]; readonly afterRefusal: number }
  /** A read with all members: MiB of the answer, and resident memory of the program before and at its peak. */
  readonly whole: {
    readonly milliseconds: number
    readonly answer: number
    readonly before: number
    readonly peak: number
  }
}

/** Changes and reads of a group with very many members; `members` of the loaded users are in it, and at least `candidates` are not. */
export async function measureLargeGroup(filled: Filled, group: string, members: number): Promise<LargeGroup> {
  const client = new pg.Client({ connectionString: filled.databaseUrl })
  await client.connect()
  try {
    return await measure(client, filled, group, members)
  } finally {
    await client.end()
  }
}

async function measure(client: pg.Client, filled: Filled, group: string, members: number): Promise<LargeGroup> {
  const { requests, ask, program } = filled
  const candidate = filled.ids.slice(members, members + candidates)
  const one = (number: number): string => candidate[number % candidates] ?? ''
  const small =
    /"id":"([^"]+)"/.exec((await ask(requests.createGroup('small', filled.ids.slice(0, 10)))).body)?.[1] ?? ''

  const timed: Timed[] = []
  /** Requests in turns, so that each undoes what the one before did. */
  const time = async (names: readonly string[], many: number, request: (number: number, turn: number) => Request) => {
    const since = new Date()
    const latencies: number[][] = names.map(() => [])
    for (let number = 0; number < many; number++) {
      for (const turn of names.keys()) {
        const sent = performance.now()
        await ask(request(number, turn), [200, 204])
        latencies[turn]?.push(performance.now() - sent)
      }
    }
    const server = await recorded(client, since, many * names.length)
    for (const [turn, name] of names.entries()) {
      const mine = server.filter((_, index) => index % names.length === turn)
      timed.push({ name, client: spread(latencies[turn] ?? []), server: spread(mine) })
    }
  }

  const groups = [
    ['10', small],
    [String(members), group],
  ] as const
  for (const [title, id] of groups) {
    await time([`add one member to ${title}`, `remove one member of ${title}`], ones, (number, turn) =>
      turn === 0 ? requests.addMembers(id, [one(number)], 204) : requests.removeMember(id, one(number), 204),
    )
  }
  await time([`add ${candidates} members`, `remove ${candidates} members`], thousands, (_, turn) =>
    turn === 0 ? requests.addMembers(group, candidate, 204) : requests.removeMembers(group, candidate, 204),
  )
  const seen = await watchAtomicity(client, filled, group, candidate)

  await client.query('BEGIN')
  // A read that touched a membership would wait for this.
  await client.query('LOCK TABLE gateway.membership')
  for (const [title, id] of groups) {
    await time([`read without members, of ${title}`], reads, () =>
      requests.readGroup(id, '?excludedAttributes=members'),
    )
  }
  await client.query('ROLLBACK')

  resetPeakMemory(program.pids)
  const before = residentMemory(program.pids)
  const began = performance.now()
  const bytes = await readWhole(filled, group)
  const milliseconds = performance.now() - began
  const whole = { milliseconds, answer: bytes / 2 ** 20, before, peak: peakMemory(program.pids) }
  return { members, timed, seen, whole }
}

/** The milliseconds that the audit trail tells of the last `many` requests on groups since then, oldest first. */
async function recorded(client: pg.Client, since: Date, many: number): Promise<number[]> {
  const deadline = Date.now() + patience
  for (;;) {
    const { rows } = await client.query<{ milliseconds: number }>(
      `SELECT (payload::jsonb ->> 'microseconds')::float8 / 1000 AS milliseconds FROM audit.record
       WHERE received_at >= $1 AND operation LIKE 'groups.%' ORDER BY received_at, id`,
      [since],
    )
    if (rows.length >= many) return rows.slice(-many).map((row) => row.milliseconds)
    if (Date.now() > deadline) throw new Error('the audit trail does not hold all requests')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** Looks on while a thousand members join, and after a request to add them that its last operation has refused. */
async function watchAtomicity(
  client: pg.Client,
  { requests, ask }: Filled,
  group: string,
  candidate: readonly string[],
): Promise<LargeGroup['seen']> {
  const present = async (): Promise<number> => {
    const { rows } = await client.query<{ many: number }>(
      'SELECT count(*)::int AS many FROM gateway.membership WHERE group_id = $1 AND member_id = ANY($2)',
      [group, candidate],
    )
    return rows[0]?.many ?? Number.NaN
  }
  let isAdding = true
  const adding = ask(requests.addMembers(group, candidate, 204), [200]).finally(() => (isAdding = false))
  const during = new Set<number>()
  while (isAdding) during.add(await present())
  await adding
  await ask(requests.removeMembers(group, candidate, 204), [200])
  await ask(requests.addMembersAndFail(group, candidate))
  return { during: [...during].sort((one, other) => one - other), afterRefusal: await present() }
}

/** Reads the group with all its members and keeps nothing of it; how many bytes came. */
function readWhole({ target, requests }: Filled, group: string): Promise<number> {
  const headers = Object.fromEntries(
    target.headers
      .trimEnd()
      .split('\r\n')
      .map((header) => header.split(/: (.*)/).slice(0, 2)),
  )
  return new Promise((resolve, reject) => {
    get(new URL(requests.readGroup(group).path, target.url), { headers }, (response) => {
      let bytes = 0
      response.on('data', (chunk: Buffer) => (bytes += chunk.length))
      response.once('error', reject)
      response.once('end', () =>
        response.statusCode === 200 ? resolve(bytes) : reject(new Error(`it was answered ${response.statusCode}`)),
      )
    }).once('error', reject)
  })
}
