import { setTimeout as later } from 'node:timers/promises'
import { memoryLimiter } from './index.ts'

const rate = { points: 3, seconds: 2 }

test('what is over the rate is told with how long its window lasts, and the next window begins anew', async () => {
  const limiter = memoryLimiter()
  const taken = async () => [
    await limiter.take('a', rate),
    await limiter.take('a', rate),
    await limiter.take('a', rate),
  ]
  expect(await limiter.look('a', rate)).toBeUndefined()
  expect(await taken()).toEqual([undefined, undefined, undefined])
  const wait = (await limiter.look('a', rate)) ?? 0
  expect(wait).toBeGreaterThan(0)
  expect(wait).toBeLessThanOrEqual(2_000)
  expect(await limiter.take('a', rate)).toBeGreaterThan(0)
  expect(await limiter.take('b', rate)).toBeUndefined()
  await later(wait + 20)
  expect(await limiter.look('a', rate)).toBeUndefined()
  expect(await taken()).toEqual([undefined, undefined, undefined])
})

test('what is given back was not counted, and nothing is given that was not taken', async () => {
  const limiter = memoryLimiter()
  await limiter.giveBack('a')
  for (let time = 0; time < 10; time++) {
    expect(await limiter.take('a', rate)).toBeUndefined()
    await limiter.giveBack('a')
  }
  await limiter.giveBack('a')
  for (let time = 0; time < 3; time++) expect(await limiter.take('a', rate)).toBeUndefined()
  expect(await limiter.take('a', rate)).toBeGreaterThan(0)
})

test('to look counts nothing', async () => {
  const limiter = memoryLimiter()
  for (let time = 0; time < 10; time++) await limiter.look('a', rate)
  expect(await limiter.take('a', rate)).toBeUndefined()
})
