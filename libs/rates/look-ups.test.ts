import { LookUps, memoryLimiter } from './index.ts'

const limits = { unproved: 5, lookUps: 40 }
/** A hundred times as fast as it is. */
const hurried = () => 100 * performance.now()
const network = (index: number): string => `198.51.${index >> 8}.${index & 255}`

/** Of so many that come at once, each from a network of its own, how many are looked up. */
async function lookedUp(lookUps: LookUps, many: number, isGood: boolean): Promise<number> {
  const each = Array.from({ length: many }, async (_, index) => {
    const taken = await lookUps.take(network(index))
    if (taken.kind === 'counted' && isGood) await taken.giveBack()
    return taken.kind
  })
  return (await Promise.all(each)).filter((kind) => kind === 'counted').length
}

describe('what is looked up of all networks', () => {
  it('is no more than is set of what turns out to be bad', async () => {
    // One at once, and as many wait as have their turn within a second.
    const many = await lookedUp(new LookUps(memoryLimiter(), limits, hurried), 500, false)
    expect(many).toBeGreaterThan(19)
    expect(many).toBeLessThan(23)
  })

  it('is all that waits of what turns out to be good, at once: the clock stands', async () => {
    expect(await lookedUp(new LookUps(memoryLimiter(), limits, () => 0), 20, true)).toBe(20)
  }, 5_000)

  it('is all that waits of networks that came up before, too', async () => {
    const lookUps = new LookUps(memoryLimiter(), limits, () => 0)
    for (let time = 0; time < 2; time++) for (let index = 0; index < 20; index++) await lookUps.count(network(index))
    expect(await lookedUp(lookUps, 20, true)).toBe(20)
  }, 5_000)

  it('leaves its place to others once it has turned out to be good', async () => {
    const lookUps = new LookUps(memoryLimiter(), limits, () => 0)
    for (let index = 0; index < 1_000; index++) {
      const taken = await lookUps.take(network(index))
      if (taken.kind === 'too many') throw new Error(`the network ${network(index)} was the first to be refused`)
      await taken.giveBack()
    }
  }, 5_000)
})

test('what one network may try is counted for it until it turns out to be good', async () => {
  const lookUps = new LookUps(memoryLimiter(), { unproved: 5, lookUps: 1_000_000 }, hurried)
  for (let time = 0; time < 20; time++) {
    const counted = await lookUps.count('192.0.2.7')
    if (counted.kind === 'counted') await counted.giveBack()
  }
  const kinds: string[] = []
  for (let time = 0; time < 7; time++) kinds.push((await lookUps.take('192.0.2.7')).kind)
  expect(kinds).toEqual([...Array.from({ length: 5 }, () => 'counted'), 'too many', 'too many'])
})
