import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { makeEvent, type AnyEvent } from '#libs/events/index'
import {
  append,
  caughtUp,
  counted,
  effects,
  effectsReach,
  follow,
  type Harness,
  recordEffects,
  told,
  until,
} from './harness.ts'

export function itKeepsPace(harness: () => Harness): void {
  it('hands a slow handler its next batch only after the one before was committed', async () => {
    const { log, database } = harness()
    await append(
      harness(),
      counted(40).map((number) => told('slow', number)),
    )
    let handed = 0
    const overtaken: number[] = []
    const { follower } = follow(log, database, {
      batchSize: 10,
      handle: async (events, { transaction }) => {
        const committed = (await effects(database)).length
        if (committed !== handed) overtaken.push(committed)
        await new Promise((resolve) => setTimeout(resolve, 20))
        await recordEffects(transaction, events)
        handed += events.length
      },
    })
    await effectsReach(database, 40)
    await caughtUp(follower)
    expect(overtaken).toEqual([])
    expect(handed).toBe(40)
    await follower.stop()
  }, 30_000)

  it('hands over a lone event sooner than one of a crowd, and those of a crowd while it goes on', async () => {
    const { log, database } = harness()
    const handed = new Map<string, number>()
    const { follower } = follow(log, database, {
      handle: async (events) => {
        for (const { id } of events) handed.set(id, performance.now())
      },
    })
    await caughtUp(follower)
    const waitedFor = async (...events: AnyEvent[]): Promise<number> => {
      await append(harness(), events)
      const committed = performance.now()
      await until(() => events.every(({ id }) => handed.has(id)))
      return Math.max(...events.map(({ id }) => (handed.get(id) ?? Infinity) - committed))
    }
    const alone: number[] = []
    for (const version of counted(10)) {
      alone.push(await waitedFor(told('alone', version)))
      await new Promise((resolve) => setTimeout(resolve, 150))
    }

    let handedOfCrowd = 0
    const crowded: Promise<number>[] = []
    // Ends only because what was appended early is handed over.
    for (let version = 1; handedOfCrowd < 30; version += 20) {
      const waited = waitedFor(...counted(20).map((step) => told('crowd', version + step)))
      crowded.push(waited.finally(() => handedOfCrowd++))
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    expect(median(alone)).toBeLessThan(median(await Promise.all(crowded)))
    await follower.stop()
  }, 30_000)

  it('holds no more than a batch in memory while a handler is busy', async () => {
    const { log, database } = harness()
    const megabyte = 2 ** 20
    const large = 'x'.repeat(megabyte / 8)
    const release = Promise.withResolvers<void>()
    let busy = false
    const { follower } = follow(log, database, {
      batchSize: 8,
      handle: async (events, { transaction }) => {
        busy = true
        await release.promise
        await recordEffects(transaction, events)
      },
    })
    await append(harness(), [told('first', 1)])
    await until(() => busy)
    const appendLarge = (at: number) =>
      append(
        harness(),
        counted(20).map((step) => largeEvent(at + step, large)),
      )
    await appendLarge(0)
    const before = memory()
    for (let at = 20; at < 500; at += 20) await appendLarge(at)
    // Buffers of what was just written are given back some collections later.
    await until(() => memory() - before < 20 * megabyte)
    release.resolve()
    await effectsReach(database, 501)
    await follower.stop()
  }, 60_000)

  it('tells how far it is, also when nothing happens', async () => {
    const { log, database } = harness()
    const { follower } = follow(log, database)
    await until(() => follower.followedUpTo() !== undefined)
    const first = follower.followedUpTo()?.getTime() ?? 0
    await until(() => (follower.followedUpTo()?.getTime() ?? 0) > first)
    expect(await effects(database)).toEqual([])
    await follower.stop()
  }, 30_000)

  it('tells when it had everything, also when nothing happens, and not while something is being applied', async () => {
    const { log, database } = harness()
    const inHand = Promise.withResolvers<void>()
    const release = Promise.withResolvers<void>()
    const { follower } = follow(log, database, {
      watched: true,
      handle: async (events, { transaction }) => {
        inHand.resolve()
        await release.promise
        await recordEffects(transaction, events)
      },
    })
    const caughtUpAt = (): number => follower.caughtUpAt()?.getTime() ?? 0
    await until(() => caughtUpAt() > 0)
    const first = caughtUpAt()
    await until(() => caughtUpAt() > first)
    await append(harness(), [told('held', 1)])
    await inHand.promise
    const held = Date.now()
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    expect(caughtUpAt()).toBeLessThanOrEqual(held)
    release.resolve()
    await until(() => caughtUpAt() > held)
    expect(await effects(database)).toHaveLength(1)
    await follower.stop()
  }, 30_000)

  it('never says it has passed an event that was committed and not applied', async () => {
    const { log, database } = harness()
    let open = false
    const gate = Promise.withResolvers<void>()
    const { follower } = follow(log, database, {
      batchSize: 2,
      handle: async (events, { transaction }) => {
        if (events.some((event) => event.subject === 'gated')) {
          open = true
          await gate.promise
        }
        await recordEffects(transaction, events)
      },
    })
    await caughtUp(follower)
    await append(harness(), [told('free', 1), told('free', 2), told('gated', 1), told('free', 3)])
    const committed = Date.now()
    await until(() => open)
    await append(harness(), [told('free', 4)])
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(follower.followedUpTo()?.getTime()).toBeLessThanOrEqual(committed)
    gate.resolve()
    await caughtUp(follower)
    expect(await effects(database)).toHaveLength(5)
    await follower.stop()
  }, 30_000)

  it('waits for the batch in hand when it is stopped, and takes no other', async () => {
    const { log, database } = harness()
    await append(
      harness(),
      counted(20).map((number) => told('stopping', number)),
    )
    const inHand = Promise.withResolvers<void>()
    const release = Promise.withResolvers<void>()
    const { follower } = follow(log, database, {
      batchSize: 5,
      handle: async (events, { transaction }) => {
        inHand.resolve()
        await release.promise
        await recordEffects(transaction, events)
      },
    })
    await inHand.promise
    let stopped = false
    const stopping = follower.stop().then(() => (stopped = true))
    await database.query('SELECT pg_sleep(0.1)')
    expect(stopped).toBe(false)
    release.resolve()
    await stopping
    expect((await effects(database)).map((effect) => effect.version)).toEqual(counted(5))
    expect(follower.state).toBe('stopped')
  }, 30_000)
}

function largeEvent(number: number, name: string): AnyEvent {
  const origin = {
    source: 'keys',
    subject: `large-${number}`,
    owner: 'conformance',
    version: 1,
    time: new Date(),
  } as const
  return makeEvent('tenant.created', origin, { tenant: `large-${number}`, name }) as AnyEvent
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((one, other) => one - other)[Math.floor(numbers.length / 2)] ?? NaN
}

function memory(): number {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
