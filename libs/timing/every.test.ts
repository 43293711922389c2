import { every } from './every.ts'

test('work is begun again once it has ended, whatever became of it, and no sooner', async () => {
  const failures: unknown[] = []
  const gates = Array.from({ length: 3 }, () => Promise.withResolvers<void>())
  const begun = Array.from({ length: 3 }, () => Promise.withResolvers<void>())
  let turns = 0
  const work = async (): Promise<void> => {
    const turn = turns++
    begun[turn]?.resolve()
    await gates[turn]?.promise
  }
  const repeating = every(1, work, (error) => failures.push(error))
  expect(turns).toBe(0)
  await begun[0]?.promise
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(turns).toBe(1)
  gates[0]?.reject(new Error('the first'))
  await begun[1]?.promise
  expect(failures.map(String)).toEqual(['Error: the first'])
  let hasEnded = false
  const ending = repeating.end().then(() => (hasEnded = true))
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect([turns, hasEnded]).toEqual([2, false])
  gates[1]?.resolve()
  await ending
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(turns).toBe(2)
})

test('work that is done at once, and throws before it waits, is told of', async () => {
  const failed = Promise.withResolvers<unknown>()
  const work = (): never => {
    throw new Error('at once')
  }
  const repeating = every(60_000, work, failed.resolve, { atOnce: true })
  expect(String(await failed.promise)).toBe('Error: at once')
  await repeating.end()
})

test('who is told of failures may fail too: the work goes on, and ends as it was told to', async () => {
  let turns = 0
  const again = Promise.withResolvers<void>()
  const gate = Promise.withResolvers<void>()
  const work = async (): Promise<void> => {
    if (++turns === 3) {
      again.resolve()
      await gate.promise
    }
    throw new Error('the work')
  }
  const failed = (): never => {
    throw new Error('who is told')
  }
  const repeating = every(1, work, failed)
  await again.promise
  const ending = repeating.end()
  gate.resolve()
  await ending
  expect(turns).toBe(3)
})
