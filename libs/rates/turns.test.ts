import { setTimeout as wait } from 'node:timers/promises'
import { Turns } from './turns.ts'

describe('turns', () => {
  it('let no more go on within a time than they are asked to, in the order in which they came', async () => {
    let now = 0
    const turns = new Turns({ perSecond: 1_000, longestWait: 1 }, () => now)
    const gone: number[] = []
    for (let number = 0; number < 100; number++) void turns.take().then(() => gone.push(number))
    await wait(20)
    // Twenty that were saved up, and none since: the clock stands.
    expect(gone).toEqual(Array.from({ length: 20 }, (_, number) => number))
    for (let passed = 0; passed < 8; passed++) {
      now += 10
      await wait(20)
    }
    expect(gone).toEqual(Array.from({ length: 100 }, (_, number) => number))
  })

  it('save up no more than a moment brings, however long nobody came', async () => {
    let now = 0
    const turns = new Turns({ perSecond: 1_000, longestWait: 1 }, () => now)
    now += 3_600_000
    let gone = 0
    for (let number = 0; number < 100; number++) void turns.take().then(() => gone++)
    await wait(20)
    expect(gone).toBe(20)
    for (let passed = 0; passed < 4; passed++) {
      now += 1_000
      await wait(20)
    }
    expect(gone).toBe(100)
  })

  it('are given back by who turns out not to count: another goes on at once, and no more are saved up', async () => {
    const turns = new Turns({ perSecond: 10, longestWait: 1 }, () => 0)
    for (let number = 0; number < 100; number++) {
      expect(await turns.take()).toBe(true)
      turns.giveBack()
      turns.giveBack()
    }
    let gone = 0
    for (let number = 0; number < 10; number++) void turns.take().then(() => gone++)
    await wait(20)
    expect(gone).toBe(1)
    for (let number = 0; number < 4; number++) turns.giveBack()
    await wait(20)
    expect(gone).toBe(5)
    for (let number = 0; number < 5; number++) turns.giveBack()
    await wait(20)
    expect(gone).toBe(10)
  })

  it('are looked at once in a step, however often they are given back', async () => {
    let looks = 0
    const turns = new Turns({ perSecond: 10, longestWait: 100 }, () => {
      looks++
      return 0
    })
    const waiting = Array.from({ length: 200 }, () => turns.take())
    for (let number = 0; number < 100; number++) turns.giveBack()
    looks = 0
    await wait(50)
    expect(looks).toBeGreaterThan(0)
    expect(looks).toBeLessThan(20)
    turns.end()
    await Promise.all(waiting)
  })

  it('let all go on once they have ended, those that wait and those that come, without a bound', async () => {
    const turns = new Turns({ perSecond: 10, longestWait: 1 }, () => 0)
    const waiting = Array.from({ length: 11 }, () => turns.take())
    expect(await turns.take()).toBe(false)
    turns.end()
    expect(await Promise.all(waiting)).toEqual(waiting.map(() => true))
    expect(await Promise.all(Array.from({ length: 100 }, () => turns.take()))).not.toContain(false)
  })

  it('let nobody wait behind more than can go on within the longest wait', async () => {
    let now = 0
    const turns = new Turns({ perSecond: 10, longestWait: 4 }, () => now)
    // One goes on at once.
    const taken = Array.from({ length: 41 }, () => turns.take())
    expect(await turns.take()).toBe(false)
    while ((now += 100) <= 4_000) await wait(10)
    expect(await Promise.all(taken)).toEqual(taken.map(() => true))
  })
})
