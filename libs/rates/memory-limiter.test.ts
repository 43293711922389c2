import { setTimeout as later } from 'node:timers/promises'
import { memoryLimiter } from './index.ts'
import { MemoryLimiter } from './memory-limiter.ts'

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

test('a block lasts as long as it was told to, also for who goes on taking', async () => {
  const clock = { now: 0 }
  const limiter = new MemoryLimiter({ clock: () => clock.now })
  await limiter.take('a', rate)
  clock.now = 1_900
  await limiter.block('a', 100)
  clock.now = 1_950
  expect([await limiter.take('a', rate), await limiter.look('a', rate)]).toEqual([50, 50])
  clock.now = 2_000
  expect([await limiter.look('a', rate), await limiter.take('a', rate)]).toEqual([undefined, undefined])
})

describe('with more subjects than are counted each for itself', () => {
  const most = 100
  const shares = 4_096
  const names = (kind: string, count: number) => Array.from({ length: count }, (_, number) => `${kind} ${number}`)

  /** So many times each, one subject after the other; how many of them passed. */
  async function passed(limiter: MemoryLimiter, subjects: readonly string[], times: number): Promise<number[]> {
    const counts = subjects.map(() => 0)
    for (let time = 0; time < times; time++) {
      for (const [place, subject] of subjects.entries()) {
        if ((await limiter.take(subject, rate)) === undefined) counts[place] = (counts[place] ?? 0) + 1
      }
    }
    return counts
  }
  const sum = (counts: readonly number[]) => counts.reduce((all, one) => all + one, 0)

  function full() {
    const clock = { now: 0 }
    return { clock, limiter: new MemoryLimiter({ most, clock: () => clock.now }) }
  }

  test('those within are counted exactly, and those beyond share counts', async () => {
    const { limiter } = full()
    const within = names('within', most)
    expect(await passed(limiter, within, 1)).toEqual(within.map(() => 1))
    expect(sum(await passed(limiter, names('beyond', 20_000), 1))).toBeLessThanOrEqual(shares * rate.points)
    expect(await passed(limiter, within, 3)).toEqual(within.map(() => 2))
  })

  test('nobody passes more than the rate within a window, also when there is room meanwhile', async () => {
    const { clock, limiter } = full()
    const beyond = names('beyond', 500)
    await passed(limiter, names('within', most), 1)
    clock.now = 1_000
    const before = await passed(limiter, beyond, 2)
    clock.now = 2_500
    const after = await passed(limiter, beyond, 3)
    expect(Math.max(...beyond.map((_, place) => (before[place] ?? 0) + (after[place] ?? 0)))).toBe(rate.points)
  })

  test('once the windows have ended subjects are counted each for itself again', async () => {
    const { clock, limiter } = full()
    await passed(limiter, names('within', most), 1)
    await passed(limiter, names('beyond', 20_000), 1)
    clock.now = 2_000
    const fresh = names('fresh', most)
    expect(await passed(limiter, fresh, 5)).toEqual(fresh.map(() => 3))
  })

  test('what is given back was not counted for those who share', async () => {
    const { limiter } = full()
    await passed(limiter, names('within', most), 1)
    for (let time = 0; time < 10; time++) {
      expect(await limiter.take('beyond', rate)).toBeUndefined()
      await limiter.giveBack('beyond')
    }
    expect(await limiter.look('beyond', rate)).toBeUndefined()
    expect(await passed(limiter, ['beyond'], 5)).toEqual([3])
    expect(await limiter.look('beyond', rate)).toBeGreaterThan(0)
  })
})

test('nobody is let pass more than the rate in a window, also where others whose windows are shorter share its count', async () => {
  const clock = { now: 0 }
  const limiter = new MemoryLimiter({ most: 0, clock: () => clock.now })
  const long = { points: 1_000, seconds: 10 }
  let passed = 0
  for (clock.now = 0; clock.now < 10_000; clock.now += 1_000) {
    // So many that some share its count, and come before it.
    for (let other = 0; other < 30_000; other++) await limiter.take(`other ${other}`, { points: 1e9, seconds: 1 })
    for (let time = 0; time < 990; time++) if ((await limiter.take('it', long)) === undefined) passed++
  }
  expect(passed).toBeLessThanOrEqual(long.points)
})
