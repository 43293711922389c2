import { randomUUID } from 'node:crypto'
import { type Limiter, openRedisLimiter } from '#libs/rates/index'
import { type OwnRedis, startOwnRedis } from '#test/servers/own-redis'
import { Keeper, until } from './conformance/index.ts'
import { type CacheError, openRedisChannel, openRedisNonces } from './index.ts'

const minute = 60_000
const signed = (nonce: string) => ({ signer: 'one', nonce, created: new Date() })

const ends: { close(): Promise<void> }[] = []
let redis: OwnRedis
let failures: CacheError[]
beforeEach(() => {
  failures = []
})
afterEach(async () => {
  await Promise.all(ends.splice(0).map((end) => end.close()))
  await redis.stop()
})

const options = () => ({
  url: redis.url,
  prefix: 'full:',
  onFailure: (failure: CacheError): unknown => failures.push(failure),
})

function keep<End extends { close(): Promise<void> }>(end: End): End {
  ends.push(end)
  return end
}

const openNonces = () => keep(openRedisNonces({ ...options(), ahead: new Keeper().open }))

/** 4 MB, where Redis has 3. */
const fill = () => redis.command(`EVAL "for i = 1, 4000 do redis.call('SET', 'fill ' .. i, ('x'):rep(1000)) end" 0`)
const drain = () => redis.command(`EVAL "for i = 1, 4000 do redis.call('DEL', 'fill ' .. i) end" 0`)

const rate = { points: 40, seconds: 5 }
const takeAll = async (limiter: Limiter, subject: string): Promise<number> => {
  const taken = await Promise.all(Array.from({ length: 50 }, () => limiter.take(subject, rate)))
  return taken.filter((wait) => wait === undefined).length
}

test('our own Redis forgets no nonce when it is full: none is taken, the operator hears why, limits and channel go on', async () => {
  redis = await startOwnRedis({ maxmemory: '3mb' })
  const nonces = openNonces()
  const [one, other] = [keep(openRedisChannel(options())), keep(openRedisChannel(options()))]
  const heard: string[] = []
  await other.subscribe(
    (message) => heard.push(message),
    () => undefined,
  ).inForce
  const limiters = [keep(openRedisLimiter(options())), keep(openRedisLimiter(options()))]
  await until(async () => (await nonces.take(signed(randomUUID()), minute)) === true)
  const used = signed('used')
  expect(await nonces.take(used, minute)).toBe(true)
  expect(failures).toEqual([])

  await fill()
  expect([await nonces.take(used, minute), await nonces.take(signed('other'), minute)]).toEqual([undefined, undefined])
  expect(failures).toMatchObject([{ fault: 'nonce-refused', message: expect.stringContaining('memory left') }])
  one.publish('revoked')
  await until(() => heard.includes('revoked'))
  expect(await Promise.all(limiters.map((limiter) => takeAll(limiter, 'subject')))).toEqual([40, 40])

  await drain()
  expect([await nonces.take(used, minute), await nonces.take(signed('other'), minute)]).toEqual([false, true])
})

test('a Redis that evicts is told of, and once it has, what was signed before is not known', async () => {
  redis = await startOwnRedis({ maxmemory: '3mb', 'maxmemory-policy': 'allkeys-lru' })
  const nonces = openNonces()
  const evicts = () => failures.filter(({ fault }) => fault === 'redis-evicts').map(({ message }) => message)
  await until(() => evicts().length > 0)
  expect(evicts()).toEqual([expect.stringContaining('(maxmemory-policy allkeys-lru)')])
  await until(async () => (await nonces.take(signed(randomUUID()), minute)) === true)
  const used = signed('used')
  expect([await nonces.take(used, minute), await nonces.take(used, minute)]).toEqual([true, false])

  await fill()
  expect(await nonces.take(used, minute)).toBeUndefined()
  expect(evicts().at(-1)).toMatch(/^Redis has evicted something/)
  await drain()
  await until(async () => (await nonces.take(signed(randomUUID()), minute)) === true)
  expect(await nonces.take(used, minute)).toBeUndefined()
})
