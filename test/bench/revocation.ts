import { Asker } from './asker.ts'
import { spread, type Spread } from './figures.ts'
import type { Gateways, Used } from './gateways.ts'

/** What is away, or happens, while keys are revoked. */
export interface Condition {
  readonly name: string
  readonly rounds: number
  /** Revoked in each round: one after the other unless told. */
  readonly keys: number
  readonly together?: true
  /** Milliseconds after the answer to a revocation from which on nobody may be told 200. */
  readonly bound: number
  /** Runs a round of revocations. */
  readonly around?: (gateways: Gateways, round: () => Promise<void>) => Promise<void>
  /** Done right before each revocation. */
  readonly before?: (gateways: Gateways) => Promise<void>
}

export interface Until extends Spread {
  readonly max: number
}

export interface Revocations {
  readonly condition: string
  readonly keys: number
  /** Milliseconds until the last gateway refused: from the moment that the revocation was sent, and from its answer, to the request that was refused first. */
  readonly fromSending: Until
  readonly fromAnswer: Until
  /** Requests that were accepted after that gateway had refused one. */
  readonly stale: number
  /** Requests that were accepted though they were sent later than the bound. */
  readonly late: number
  readonly bound: number
  /** What the first refusals were, by status. */
  readonly statuses: Readonly<Record<string, number>>
}

/** Milliseconds between the requests to one gateway: around a revocation, and after it. */
const often = 4
const seldom = 200

interface Revoked {
  readonly askers: readonly Asker[]
  readonly sent: number
  readonly answered: number
}

/** Rejects when a gateway does not refuse a revoked key for a minute. */
export async function measureRevocations(gateways: Gateways, condition: Condition): Promise<Revocations> {
  const { rounds, keys, together, bound, around = (_, round) => round() } = condition
  const revoked: Revoked[] = []
  for (let round = 0; round < rounds; round++) {
    await gateways.haveAll()
    const minted = await gateways.mint(keys)
    const watched: Promise<Revoked>[] = []
    await around(gateways, async () => {
      const revokeAll = minted.map((used) => async () => {
        const one = await revoke(gateways, used, condition)
        watched.push(watch(one, bound))
      })
      if (together === true) await Promise.all(revokeAll.map((run) => run()))
      else for (const run of revokeAll) await run()
    })
    revoked.push(...(await Promise.all(watched)))
  }
  return { condition: condition.name, keys: revoked.length, bound, ...figuresOf(revoked, bound) }
}

/** Until every gateway has refused the key. */
async function revoke(gateways: Gateways, used: Used, { before }: Condition): Promise<Revoked> {
  const askers = used.urls.map((url) => new Asker(url, used.key, often))
  await untilAll(askers, ({ answers }) => answers.length > 1)
  await pause(Math.random() * 2 * often)
  await before?.(gateways)
  if (askers.some(({ refused }) => refused !== undefined))
    throw new Error('a key that was to be revoked is not in use at every gateway')
  const sent = performance.now()
  await gateways.revoke(used)
  const answered = performance.now()
  await untilAll(askers, ({ refused }) => refused !== undefined)
  for (const asker of askers) asker.pause = seldom
  return { askers, sent, answered }
}

/** Until each gateway has gone on for longer than the bound, and knows that the key is revoked. */
async function watch(revoked: Revoked, bound: number): Promise<Revoked> {
  const { askers, answered } = revoked
  await pause(answered + bound + 2 * seldom - performance.now())
  await untilAll(askers, ({ answers }) => answers.at(-1)?.status === 401)
  await Promise.all(askers.map((asker) => asker.end()))
  return revoked
}

function figuresOf(revoked: readonly Revoked[], bound: number) {
  const statuses: Record<string, number> = {}
  let [stale, late] = [0, 0]
  const all = revoked.map(({ askers, sent, answered }) => {
    for (const { answers, refused } of askers) {
      const accepted = answers.filter(({ status }) => status === 200)
      stale += accepted.filter((answer) => answer.sent > (refused?.sent ?? 0)).length
      late += accepted.filter((answer) => answer.sent > answered + bound).length
      statuses[refused?.status ?? ''] = (statuses[refused?.status ?? ''] ?? 0) + 1
    }
    const last = Math.max(...askers.map(({ refused }) => refused?.sent ?? Number.NaN))
    return { sending: last - sent, answer: last - answered }
  })
  return {
    fromSending: untilOf(all.map(({ sending }) => sending)),
    fromAnswer: untilOf(all.map(({ answer }) => answer)),
    stale,
    late,
    statuses,
  }
}

function untilOf(milliseconds: number[]): Until {
  return { ...spread(milliseconds), max: Math.max(...milliseconds) }
}

const patience = 60_000

async function untilAll(askers: readonly Asker[], holds: (asker: Asker) => boolean): Promise<void> {
  const deadline = performance.now() + patience
  while (!askers.every(holds)) {
    if (performance.now() > deadline)
      throw new Error(`a gateway did not answer as it must within ${patience / 1_000} s`)
    await pause(1)
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, milliseconds)))
}
