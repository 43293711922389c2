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

export function itAppliesOnce(harness: () => Harness): void {
  it('lets a version guard make the effect of a repeated event happen once', async () => {
    const { log, database } = harness()
    const event = told('repeated', 1)
    await append(harness(), [event])
    const { follower } = follow(log, database, {
      handle: async (events, { transaction }) => {
        for (const { id, key, version } of events) {
          await transaction.query(
            `INSERT INTO follower.effect (id, key, version) SELECT $1, $2, $3
             WHERE NOT EXISTS (SELECT FROM follower.effect WHERE key = $2 AND version >= $3)`,
            [id, key, version],
          )
        }
      },
    })
    await effectsReach(database, 1)
    await append(harness(), [event, told('repeated', 2), event])
    await effectsReach(database, 2)
    await caughtUp(follower)
    expect((await effects(database)).map((effect) => effect.version)).toEqual([1, 2])
    await follower.stop()
  }, 30_000)

  it('applies each event once when the follower breaks between applying and committing', async () => {
    const { log, database } = harness()
    await append(
      harness(),
      counted(50).map((number) => told('broken', number)),
    )
    let breaks = 0
    const { follower, stalls, buried } = follow(log, database, {
      batchSize: 10,
      handle: async (events, { transaction }) => {
        await recordEffects(transaction, events)
        if (breaks++ % 2 === 1) return
        const [backend] = await transaction.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
        await database.query('SELECT pg_terminate_backend($1)', [backend?.pid])
      },
    })
    await effectsReach(database, 50)
    await caughtUp(follower)
    expect((await effects(database)).map((effect) => effect.version)).toEqual(counted(50))
    expect(stalls.length).toBeGreaterThanOrEqual(5)
    expect(buried).toEqual([])
    await follower.stop()
  }, 60_000)

  it('applies each event once, in order, when two instances of a group run at once', async () => {
    const { log, database, another } = harness()
    const other = await another()
    const watches = [follow(log, database, { batchSize: 5 }), follow(other, database, { batchSize: 5 })]
    for (let at = 1; at <= 300; at += 10) {
      await append(
        harness(),
        counted(10).map((step) => told('shared', at + step - 1)),
      )
    }
    await effectsReach(database, 300)
    await Promise.all(watches.map((watch) => caughtUp(watch.follower)))
    expect((await effects(database)).map((effect) => effect.version)).toEqual(counted(300))
    await Promise.all(watches.map((watch) => watch.follower.stop()))
  }, 60_000)

  it('stalls while its servers are away, says so, and goes on by itself', async () => {
    const { log, database, outage } = harness()
    const { follower, stalls } = follow(log, database)
    await append(harness(), [told('before', 1)])
    await effectsReach(database, 1)
    await outage(async () => {
      await until(() => follower.state === 'stalled')
    })
    await until(() => follower.state === 'following')
    await until(() =>
      append(harness(), [told('after', 1)]).then(
        () => true,
        () => false,
      ),
    )
    await effectsReach(database, 2)
    expect(stalls.length).toBeGreaterThan(0)
    expect((await effects(database)).map((effect) => effect.key)).toEqual(['conformance/before', 'conformance/after'])
    await follower.stop()
  }, 60_000)

  it('goes on where it was when it is stopped and followed again', async () => {
    const { log, database } = harness()
    const first = follow(log, database)
    await append(harness(), [told('early', 1)])
    await effectsReach(database, 1)
    await first.follower.stop()
    expect(first.follower.state).toBe('stopped')
    await append(harness(), [told('later', 1)])
    const second = follow(log, database)
    await effectsReach(database, 2)
    expect((await effects(database)).map((effect) => effect.key)).toEqual(['conformance/early', 'conformance/later'])
    await second.follower.stop()
  }, 30_000)
}
