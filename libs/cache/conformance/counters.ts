import type { Counters } from '../counters.ts'
import { until } from './until.ts'

export interface CountersHarness {
  /** The same counts, as two processes have them. */
  readonly one: Counters
  readonly other: Counters
  /** Lets a little time go by. */
  pass(milliseconds: number): Promise<void>
}

const long = 60_000

/** What every store of counters must guarantee. */
export function describeCounters(adapter: string, open: () => CountersHarness | Promise<CountersHarness>): void {
  describe(`counters over ${adapter}`, () => {
    let harness: CountersHarness
    beforeEach(async () => {
      harness = await open()
    })
    afterEach(async () => {
      await Promise.all([harness.one.close(), harness.other.close()])
    })

    test('each add is told the sum of all before it, whoever made them', async () => {
      const { one, other } = harness
      expect(await one.add('key', long)).toBe(1)
      expect(await other.add('key', long)).toBe(2)
      expect(await one.add('key', long, 5)).toBe(7)
      expect(await other.add('another', long)).toBe(1)
    })

    test('no two adds at once are told the same sum', async () => {
      const { one, other } = harness
      const sums = await Promise.all(
        Array.from({ length: 200 }, (_, number) => (number % 2 === 0 ? one : other).add('key', long)),
      )
      expect(new Set(sums)).toEqual(new Set(Array.from({ length: 200 }, (_, number) => number + 1)))
    })

    test('a window ends when it was to, however many adds come meanwhile', async () => {
      const { one, pass } = harness
      expect(await one.add('key', 300)).toBe(1)
      expect(await one.add('key', long)).toBe(2)
      await until(async () => {
        await pass(20)
        return (await one.add('key', 300)) === 1
      })
      expect(await one.add('key', 300)).toBe(2)
    })

    test('any text is a key', async () => {
      for (const key of ['', 'a b', 'é\n日本', 'x'.repeat(1000)]) expect(await harness.one.add(key, long)).toBe(1)
    })
  })
}
