import type { Transaction } from '#libs/postgres/index'
import {
  append,
  appendNext,
  caughtUp,
  counted,
  effects,
  effectsReach,
  follow,
  type Harness,
  told,
  until,
  versionsByKey,
} from './harness.ts'

export function itKeepsOrder(harness: () => Harness): void {
  it('keeps the order of each key under many writers, while it is followed', async () => {
    const { log, database } = harness()
    const { follower } = follow(log, database, { batchSize: 7 })
    const writers = Array.from({ length: 8 }, async (_, writer) => {
      for (let round = 0; round < 60; round++) {
        const keys = [(writer + round) % 5, (writer * round) % 5].map((number) => `key-${number}`)
        // Sorted, so that two writers never wait for each other.
        const sorted = [...new Set(keys)].sort()
        await database.transaction(async (transaction) => {
          await transaction.query('SELECT pg_current_xact_id()')
          for (const key of sorted) await appendNext(harness(), transaction, key)
        })
      }
    })
    await Promise.all(writers)
    const held = await database.query<{ id: string; version: number }>('SELECT id, version FROM follower.subject')
    await effectsReach(
      database,
      held.reduce((sum, row) => sum + row.version, 0),
    )
    const versions = versionsByKey(await effects(database))
    expect(versions.size).toBe(5)
    for (const { id, version } of held) expect(versions.get(`conformance/${id}`)).toEqual(counted(version))
    await follower.stop()
  }, 60_000)

  it('keeps the order of a key whose second writer took its transaction id before the first', async () => {
    const { log, database } = harness()
    const early = await begin(database.transaction.bind(database))
    await early.transaction.query('SELECT pg_current_xact_id()')
    const late = await begin(database.transaction.bind(database))
    await late.transaction.query('SELECT pg_current_xact_id()')
    await appendNext(harness(), late.transaction, 'raced')
    const second = appendNext(harness(), early.transaction, 'raced')
    await until(async () => (await waitingForLocks(harness())) > 0)
    await late.commit()
    await second
    await early.commit()
    const { follower } = follow(log, database)
    await effectsReach(database, 2)
    expect((await effects(database)).map((effect) => effect.version)).toEqual([1, 2])
    await follower.stop()
  }, 30_000)

  it('loses nothing of a transaction that appends early and commits late', async () => {
    const { log, database } = harness()
    const { follower } = follow(log, database)
    const slow = await begin(database.transaction.bind(database))
    log.append(slow.transaction, [told('slow', 1)])
    await slow.transaction.query('SELECT 1')
    await append(
      harness(),
      counted(20).map((number) => told(`quick-${number}`, 1)),
    )
    await effectsReach(database, 20)
    await caughtUp(follower)
    await slow.commit()
    await append(harness(), [told('after', 1)])
    await effectsReach(database, 22)
    expect(
      (await effects(database))
        .map((effect) => effect.key)
        .slice(20)
        .sort(),
    ).toEqual(['conformance/after', 'conformance/slow'])
    await follower.stop()
  }, 30_000)

  it('shows nothing of a transaction that rolled back', async () => {
    const { log, database } = harness()
    const { follower } = follow(log, database)
    const failed = database.transaction(async (transaction) => {
      log.append(transaction, [told('undone', 1)])
      await transaction.query('SELECT 1')
      throw new Error('the publisher thinks better of it')
    })
    await expect(failed).rejects.toThrow('thinks better')
    await append(harness(), [told('done', 1)])
    await effectsReach(database, 1)
    await caughtUp(follower)
    expect((await effects(database)).map((effect) => effect.key)).toEqual(['conformance/done'])
    await follower.stop()
  }, 30_000)

  it('gives a follower that joins late everything in order, in batches of the size asked for', async () => {
    const { log, database } = harness()
    const events = counted(1_000).map((number) => told('long', number))
    for (let at = 0; at < events.length; at += 90) await append(harness(), events.slice(at, at + 90))
    const { follower, batches } = follow(log, database, { batchSize: 7 })
    await effectsReach(database, 1_000)
    await caughtUp(follower)
    expect((await effects(database)).map((effect) => effect.version)).toEqual(counted(1_000))
    expect(Math.max(...batches)).toBe(7)
    await follower.stop()
  }, 60_000)
}

interface Held {
  readonly transaction: Transaction
  commit(): Promise<void>
}

/** A transaction that stays open until it is told to commit. */
async function begin(open: (work: (transaction: Transaction) => Promise<void>) => Promise<void>): Promise<Held> {
  const begun = Promise.withResolvers<Transaction>()
  const release = Promise.withResolvers<void>()
  const ended = open(async (transaction) => {
    begun.resolve(transaction)
    await release.promise
  })
  const transaction = await begun.promise
  return {
    transaction,
    commit: () => {
      release.resolve()
      return ended
    },
  }
}

async function waitingForLocks({ database }: Harness): Promise<number> {
  const [row] = await database.query<{ count: number }>(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
  )
  return row?.count ?? 0
}
