import { randomUUID } from 'node:crypto'
import type { KeptAhead, Nonces, SignedNonce, Span } from '../index.ts'
import { until } from './until.ts'

/** Where stores of nonces leave what they took ahead of their clock, for this suite: it can be away, and nothing is ever forgotten. */
export class Keeper {
  readonly kept: { readonly signer: string; readonly span: Span }[] = []
  isAway = false
  opened = 0

  readonly open = async (): Promise<KeptAhead> => {
    this.opened++
    if (this.isAway) throw new Error('it is away')
    const before = Map.groupBy(this.kept, ({ signer }) => signer)
    return {
      before: new Map([...before].map(([signer, kept]) => [signer, kept.map(({ span }) => span)])),
      keep: async (signer, span) => {
        if (!this.isAway) this.kept.push({ signer, span })
        return !this.isAway
      },
    }
  }
}

export interface NoncesHarness {
  /** The same nonces, as two processes have them. Their store began well before. */
  readonly one: Nonces
  readonly other: Nonces
  /** By the clock of the store. */
  now(): Date
  /** Lets a little time go by. */
  pass(milliseconds: number): Promise<void>
  /** All that was taken is lost; the store that follows has just begun. */
  lose(): Promise<void>
  /** Lets as much time go by as makes that well before. */
  settle(): Promise<void>
}

const long = 60_000

/** What every store of nonces must guarantee. */
export function describeNonces(adapter: string, open: (keeper: Keeper) => Promise<NoncesHarness>): void {
  describe(`nonces over ${adapter}`, () => {
    let keeper: Keeper
    let harness: NoncesHarness
    let someone: string
    beforeEach(async () => {
      keeper = new Keeper()
      harness = await open(keeper)
      someone = randomUUID()
    })
    afterEach(async () => {
      await Promise.all([harness.one.close(), harness.other.close()])
    })

    /** By a signer whose clock is ahead by so many milliseconds. */
    const signed = (nonce: string, signer = someone, ahead = 0): SignedNonce => ({
      signer,
      nonce,
      created: new Date(harness.now().getTime() + ahead),
    })

    test('what was taken is not taken again, in any process', async () => {
      const { one, other } = harness
      expect(await one.take(signed('nonce'), long)).toBe(true)
      expect(await one.take(signed('nonce'), long)).toBe(false)
      expect(await other.take(signed('nonce'), long)).toBe(false)
      expect(await other.take(signed('another'), long)).toBe(true)
    })

    test('of many who take the same at once, one does', async () => {
      const { one, other } = harness
      const taken = await Promise.all(
        Array.from({ length: 100 }, (_, number) => (number % 2 === 0 ? one : other).take(signed('nonce'), long)),
      )
      expect(taken.filter((mine) => mine === true)).toHaveLength(1)
      expect(taken.filter((mine) => mine === false)).toHaveLength(99)
    })

    test('it is remembered for as long as was asked, and being asked for again does not prolong that', async () => {
      const { one, other, pass } = harness
      expect(await one.take(signed('nonce'), 300)).toBe(true)
      expect(await other.take(signed('nonce'), long)).toBe(false)
      await until(async () => {
        await pass(20)
        return (await other.take(signed('nonce'), long)) === true
      })
      expect(await one.take(signed('nonce'), long)).toBe(false)
    })

    test('each signer has nonces of its own', async () => {
      const another = randomUUID()
      expect(await harness.one.take(signed('nonce'), long)).toBe(true)
      expect(await harness.other.take(signed('nonce', another), long)).toBe(true)
      expect(await harness.one.take(signed('nonce', another), long)).toBe(false)
    })

    test('any text is a nonce', async () => {
      for (const nonce of ['', 'a b', 'é\n日本', 'x'.repeat(1000)]) {
        expect(await harness.one.take(signed(nonce), long)).toBe(true)
        expect(await harness.other.take(signed(nonce), long)).toBe(false)
      }
    })

    test('what was created before the store is not known, in any process, also when it was lost in between', async () => {
      expect(await harness.one.take(signed('early', someone, -3_600_000), long)).toBeUndefined()
      const taken = signed('taken')
      expect(await harness.one.take(taken, long)).toBe(true)
      const never = signed('never')
      await harness.lose()
      for (const { take } of [harness.one, harness.other, harness.one]) {
        expect([await take(taken, long), await take(never, long)]).toEqual([undefined, undefined])
      }
      await harness.settle()
      expect(await harness.other.take(taken, long)).toBeUndefined()
      expect(await harness.other.take(signed('later'), long)).toBe(true)
    })

    test('what was taken ahead of the clock is not known once the store was lost, and all else of that time is', async () => {
      const taken = signed('taken', someone, 200_000)
      expect(await harness.one.take(taken, long)).toBe(true)
      expect(await harness.other.take(taken, long)).toBe(false)
      for (let time = 0; time < 2; time++) {
        await harness.lose()
        await harness.settle()
        expect(await harness.one.take(taken, long)).toBeUndefined()
        expect(await harness.other.take(taken, long)).toBeUndefined()
      }
      expect(await harness.other.take(signed('of another', randomUUID(), 200_000), long)).toBe(true)
      expect(await harness.other.take(signed('later', someone, 210_000), long)).toBe(true)
    })

    test('what lies ahead of the clock is taken only once that is kept, and is not written for each that comes', async () => {
      const ahead = harness.now().getTime() + 200_000
      const begin = ahead - (ahead % 5_000)
      const take = (nonce: string, created: number): Promise<boolean | undefined> =>
        harness.one.take({ signer: someone, nonce, created: new Date(created) }, long)
      expect(await take('in time', harness.now().getTime())).toBe(true)
      keeper.isAway = true
      expect(await take('a', begin)).toBeUndefined()
      keeper.isAway = false
      expect(await Promise.all([take('a', begin), take('b', begin + 4_999), take('c', begin)])).toEqual([
        true,
        true,
        true,
      ])
      expect(await take('a', begin)).toBe(false)
      expect(await take('e', begin + 5_000)).toBe(true)
      const spans = [begin, begin + 5_000].map((from) => ({ from: new Date(from), until: new Date(from + 5_000) }))
      expect(keeper.kept).toEqual(spans.map((span) => ({ signer: someone, span })))
    })
  })
}
