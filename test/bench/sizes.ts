import { drive, type Load, type Request } from './drive.ts'
import { median, spread } from './figures.ts'
import { type Filled, nameOf } from './filled.ts'

/** What the many are compared with. */
export const fewUsers = 10_000
const listRounds = 9
const pageOfList = 100

export interface SizesOptions {
  readonly seconds: number
  readonly rounds: number
  readonly connections: readonly number[]
  readonly told: (grown: Grown) => void
}

export interface Quantiles {
  /** Milliseconds. */
  readonly p50: number
  readonly p99: number
}

/** One operation with few users and with many, in turns: medians of the rounds, and of the rounds' ratios. */
export interface Grown {
  readonly name: string
  readonly connections: number
  readonly few: Quantiles
  readonly many: Quantiles
  readonly ratio: Quantiles
  /** Processor time of program and Postgres in microseconds for a request, comparable also on a busy machine; absent where too few were sent. */
  readonly cost?: { readonly few: number; readonly many: number }
  /** Status codes other than 200 and 201, such as that of a filter which is refused. */
  readonly refused?: readonly number[]
}

/** What requests cost in a connection of few users and in one of many: two programs that are equal but for that. */
export async function measureSizes(few: Filled, many: Filled, options: SizesOptions): Promise<Grown[]> {
  const grown: Grown[] = []
  const tell = (row: Grown): void => {
    grown.push(row)
    options.told(row)
  }
  const [ofFew, ofMany] = [loadsOf(few), loadsOf(many)]
  for (const connections of options.connections) {
    for (const name of Object.keys(ofFew) as (keyof typeof ofFew)[]) {
      const costs: { few: number[]; many: number[] } = { few: [], many: [] }
      const measured = await inTurns(options.rounds, async (isMany) => {
        const load: Load = { name, connections, seconds: options.seconds, request: (isMany ? ofMany : ofFew)[name] }
        const figures = await drive((isMany ? many : few).target, load)
        costs[isMany ? 'many' : 'few'].push(figures.processor + figures.postgres)
        return figures
      })
      tell({ name, connections, ...measured, cost: { few: median(costs.few), many: median(costs.many) } })
    }
  }
  for (const [name, query] of lists) {
    const refused = new Set<number>()
    const measured = await inTurns(listRounds, async (isMany) => {
      const filled = isMany ? many : few
      const began = performance.now()
      const reply = await filled.ask(filled.requests.listUsers(query(filled.ids.length)), [400])
      if (reply.status === 400) refused.add(400)
      return spread([performance.now() - began])
    })
    tell({ name, connections: 1, ...measured, ...(refused.size === 0 ? {} : { refused: [...refused] }) })
  }
  return grown
}

/** The requests that are sent in a closed loop. Each comes upon another user, anywhere among all of them. */
function loadsOf({ requests, ids }: Filled) {
  let created = ids.length
  let titles = 0
  const isActive = new Map<string, boolean>()
  const anyNumber = (): number => Math.floor(Math.random() * ids.length)
  const anyId = (): string => ids[anyNumber()] ?? ''
  const anyName = (): string => nameOf(anyNumber())
  return {
    'create user': () => requests.createUser(nameOf(created++)),
    'read user by id': () => requests.readUser(anyId()),
    'filter on userName': () => requests.findUser(anyName()),
    'filter on externalId': () => requests.findUserByExternalId(anyName()),
    'filter on emails.value': () => requests.findUserByEmail(anyName()),
    // No index holds it, one holds `active`.
    'PATCH title': () => requests.setTitle(anyId(), `Title ${++titles}`),
    'PATCH active': () => {
      const id = anyId()
      const active = !(isActive.get(id) ?? true)
      isActive.set(id, active)
      return requests.setActive(id, active)
    },
  } satisfies Record<string, () => Request>
}

const lists: readonly (readonly [string, (users: number) => string])[] = [
  [`first page of ${pageOfList}`, () => `count=${pageOfList}`],
  [`last page of ${pageOfList}`, (users) => `count=${pageOfList}&startIndex=${users - pageOfList + 1}`],
  ['filter that no index serves', () => `filter=${encodeURIComponent('title eq "Nobody has this title"')}`],
  ['the same, as many as match', () => `filter=${encodeURIComponent('name.givenName eq "Test"')}&count=${pageOfList}`],
]

async function inTurns(
  rounds: number,
  measure: (isMany: boolean) => Promise<Quantiles>,
): Promise<Pick<Grown, 'few' | 'many' | 'ratio'>> {
  const all: { few: Quantiles; many: Quantiles }[] = []
  for (let round = 0; round < rounds; round++) {
    // Neither is always the one that comes after the other.
    const isManyFirst = round % 2 === 1
    const first = await measure(isManyFirst)
    const second = await measure(!isManyFirst)
    all.push(isManyFirst ? { few: second, many: first } : { few: first, many: second })
  }
  const medians = (of: (round: (typeof all)[number], quantile: keyof Quantiles) => number): Quantiles => ({
    p50: median(all.map((round) => of(round, 'p50'))),
    p99: median(all.map((round) => of(round, 'p99'))),
  })
  return {
    few: medians((round, quantile) => round.few[quantile]),
    many: medians((round, quantile) => round.many[quantile]),
    ratio: medians((round, quantile) => round.many[quantile] / round.few[quantile]),
  }
}
