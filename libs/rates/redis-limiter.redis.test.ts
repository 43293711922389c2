import { randomUUID } from 'node:crypto'
import { setTimeout as later } from 'node:timers/promises'
import { startOwnRedis } from '#test/servers/own-redis'
import { until } from '#libs/cache/conformance/index'
import { type Limiter, openRedisLimiter } from './index.ts'

const rate = { points: 40, seconds: 5 }

async function takeAll(limiter: Limiter, subject: string, times: number): Promise<number> {
  let passed = 0
  for (let time = 0; time < times; time++) if ((await limiter.take(subject, rate)) === undefined) passed++
  return passed
}

/** Whether both refuse soon after each has let pass less than the rate, and together more. Who goes on hears of it when it next tells. */
async function refuseTogether(one: Limiter, other: Limiter, subject: string): Promise<boolean> {
  expect([await takeAll(one, subject, 30), await takeAll(other, subject, 30)]).toEqual([30, 30])
  for (let round = 0; round < 5; round++) {
    await later(200)
    const refused = [await one.take(subject, rate), await other.take(subject, rate)]
    if (refused.every((wait) => wait !== undefined)) return true
  }
  return false
}

test('what several processes let pass is counted together, within a moment; other subjects go on', async () => {
  const options = { url: process.env['TEST_REDIS_URL'] ?? '', prefix: `${randomUUID()}:`, onFailure: () => undefined }
  const [one, other] = [openRedisLimiter(options), openRedisLimiter(options)]
  let subject = ''
  // Until both are connected each counts alone.
  await until(() => refuseTogether(one, other, (subject = randomUUID())))
  expect([await takeAll(one, subject, 5), await takeAll(other, subject, 5)]).toEqual([0, 0])
  expect(await one.take('another', rate)).toBeUndefined()
  await Promise.all([one.close(), other.close()])
})

test('who sends little is not told of, and what it sends is counted here', async () => {
  const prefix = `${randomUUID()}:`
  const options = { url: process.env['TEST_REDIS_URL'] ?? '', prefix, onFailure: () => undefined }
  const [one, other] = [openRedisLimiter(options), openRedisLimiter(options)]
  await until(() => refuseTogether(one, other, randomUUID()))
  const wide = { points: 1_000, seconds: 60 }
  for (let time = 0; time < 19; time++) expect(await one.take('little', wide)).toBeUndefined()
  await later(300)
  expect(await one.look('little', { ...wide, points: 19 })).toBeGreaterThan(0)
  expect(await other.look('little', { ...wide, points: 1 })).toBeUndefined()
  await Promise.all([one.close(), other.close()])
})

test('in the long run several processes let pass what one would, however fast each is asked', async () => {
  const options = { url: process.env['TEST_REDIS_URL'] ?? '', prefix: `${randomUUID()}:`, onFailure: () => undefined }
  const limiters = [openRedisLimiter(options), openRedisLimiter(options), openRedisLimiter(options)]
  const [one, other, third] = limiters
  if (one === undefined || other === undefined || third === undefined) throw new Error('there are three')
  await until(() => refuseTogether(one, other, randomUUID()))
  await until(() => refuseTogether(other, third, randomUUID()))
  const short = { points: 30, seconds: 1 }
  let passed = 0
  const end = Date.now() + 6_000
  const ask = async (limiter: Limiter): Promise<void> => {
    while (Date.now() < end) {
      if ((await limiter.take('asked', short)) === undefined) passed++
      else await later(5)
    }
  }
  await Promise.all(limiters.map(ask))
  // Seven windows, and what two of the three let pass in the first one besides.
  expect(passed).toBeLessThanOrEqual(7 * 30 + 2 * 30)
  expect(passed).toBeGreaterThanOrEqual(5 * 30)
  await Promise.all(limiters.map((limiter) => limiter.close()))
})

test('while Redis is away each process counts alone, and together again when it is back', async () => {
  const redis = await startOwnRedis()
  const options = { url: redis.url, prefix: 'test:', onFailure: () => undefined }
  const [one, other] = [openRedisLimiter(options), openRedisLimiter(options)]
  await until(() => refuseTogether(one, other, randomUUID()))
  await redis.kill(async () => {
    expect([await takeAll(one, 'away', 50), await takeAll(other, 'away', 50)]).toEqual([40, 40])
  })
  await until(() => refuseTogether(one, other, randomUUID()))
  await Promise.all([one.close(), other.close()])
  await redis.stop()
})
