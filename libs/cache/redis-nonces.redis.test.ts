import { randomUUID } from 'node:crypto'
import { setTimeout as later } from 'node:timers/promises'
import { type OwnRedis, startOwnRedis } from '#test/servers/own-redis'
import { describeNonces, Keeper, until } from './conformance/index.ts'
import { type CacheError, type Nonces, openRedisNonces } from './index.ts'

/** Milliseconds after which what is signed now is taken of a store that begins now. */
const slack = 2_100
const minute = 60_000

const signed = (nonce: string, ahead = 0) => ({ signer: 'one', nonce, created: new Date(Date.now() + ahead) })

const open: Nonces[] = []
const closeAll = async (): Promise<void> => void (await Promise.all(open.splice(0).map((nonces) => nonces.close())))

/** Nonces of a process, once Redis is reached. */
async function opened({ url }: OwnRedis, keeper = new Keeper()) {
  const failures: CacheError[] = []
  const onFailure = (failure: CacheError): unknown => failures.push(failure)
  const nonces = openRedisNonces({ url, prefix: 'nonces:', ahead: keeper.open, onFailure })
  open.push(nonces)
  await until(() => nonces.state === 'connected')
  return { nonces, failures, keeper }
}

describe('a Redis that is emptied', () => {
  let redis: OwnRedis
  beforeAll(async () => {
    redis = await startOwnRedis()
  })
  afterEach(closeAll)
  afterAll(() => redis.stop())

  describeNonces('Redis', async (keeper) => {
    const [{ nonces: one }, { nonces: other }] = [await opened(redis, keeper), await opened(redis, keeper)]
    const settle = (): Promise<void> => until(async () => (await one.take(signed(randomUUID()), minute)) === true)
    await settle()
    return {
      one,
      other,
      now: () => new Date(),
      pass: later,
      lose: async () => void (await redis.command('FLUSHALL')),
      settle,
    }
  })
})

describe('a Redis of its own', () => {
  let redis: OwnRedis
  beforeEach(async () => {
    redis = await startOwnRedis()
  })
  // A connection that is closed after its Redis keeps a timer for two seconds.
  afterEach(async () => {
    await closeAll()
    await redis.stop()
  })

  test('while Redis is away it is not known whether a nonce was taken', async () => {
    const { nonces } = await opened(redis)
    await later(slack)
    expect(await nonces.take(signed('nonce'), minute)).toBe(true)
    await redis.outage(async () => {
      await until(() => nonces.state === 'away')
      expect(await nonces.take(signed('nonce'), minute)).toBeUndefined()
      expect(await nonces.take(signed('another'), minute)).toBeUndefined()
    })
  })

  test('a process that stands still itself does not take that for the silence of Redis', async () => {
    const { nonces } = await opened(redis)
    await later(slack)
    const taken = nonces.take(signed('nonce', 100_000), minute)
    const end = Date.now() + 1_000
    while (Date.now() < end);
    expect(await taken).toBe(true)
  })

  for (const left of ['nothing', 'what was on its disk before'] as const) {
    test(`a Redis that was killed and has ${left} begins anew`, async () => {
      const { nonces } = await opened(redis)
      await later(slack)
      expect(await nonces.take(signed('the first'), minute)).toBe(true)
      if (left !== 'nothing') expect(await redis.command('SAVE')).toBe('+OK\r\n')
      const [request, ahead] = [signed('nonce'), signed('ahead', 100_000)]
      expect([await nonces.take(request, minute), await nonces.take(ahead, minute)]).toEqual([true, true])
      await redis.kill()
      await until(() => nonces.state === 'connected')
      if (left !== 'nothing') expect(await redis.command('EXISTS "nonces:one the first"')).toBe(':1\r\n')
      expect([await nonces.take(request, minute), await nonces.take(ahead, minute)]).toEqual([undefined, undefined])
      await later(slack)
      expect([await nonces.take(request, minute), await nonces.take(ahead, minute)]).toEqual([undefined, undefined])
      expect(await nonces.take(signed('later'), minute)).toBe(true)
    })
  }

  test('a store that has just begun reads nothing for what it refuses anyway', async () => {
    const { nonces, keeper } = await opened(redis)
    await later(slack)
    const request = signed('nonce')
    expect(await nonces.take(request, minute)).toBe(true)
    expect(keeper.opened).toBe(1)
    for (let time = 0; time < 3; time++) {
      await redis.command('FLUSHALL')
      expect([await nonces.take(request, minute), await nonces.take(signed('new'), minute)]).toEqual([
        undefined,
        undefined,
      ])
    }
    expect(keeper.opened).toBe(1)
    await until(async () => (await nonces.take(signed(randomUUID()), minute)) === true)
    expect(keeper.opened).toBe(2)
  })

  test('what was kept before Redis began anew is read before any nonce is taken, and tried again', async () => {
    const keeper = new Keeper()
    keeper.isAway = true
    const { nonces, failures } = await opened(redis, keeper)
    await later(slack)
    expect(await nonces.take(signed('nonce'), minute)).toBeUndefined()
    expect(failures.map(({ fault }) => fault)).toEqual(['ahead-unread'])
    keeper.isAway = false
    expect(await nonces.take(signed('nonce'), minute)).toBe(true)
  })
})
