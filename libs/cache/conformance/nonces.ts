import type { Nonces, SignedNonce } from '../nonces.ts'
import { until } from './until.ts'

export interface NoncesHarness {
  /** The same nonces, as two processes have them. */
  readonly one: Nonces
  readonly other: Nonces
  /** Lets a little time go by. */
  pass(milliseconds: number): Promise<void>
}

const long = 60_000
/** By a signer whose clock is right. */
const signed = (nonce: string, signer = 'one'): SignedNonce => ({ signer, nonce, created: new Date() })

/** What every store of nonces must guarantee. */
export function describeNonces(adapter: string, open: () => NoncesHarness | Promise<NoncesHarness>): void {
  describe(`nonces over ${adapter}`, () => {
    let harness: NoncesHarness
    beforeEach(async () => {
      harness = await open()
    })
    afterEach(async () => {
      await Promise.all([harness.one.close(), harness.other.close()])
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
      const { one, other } = harness
      expect(await one.take(signed('nonce', 'one'), long)).toBe(true)
      expect(await other.take(signed('nonce', 'other'), long)).toBe(true)
      expect(await one.take(signed('nonce', 'other'), long)).toBe(false)
    })

    test('any text is a nonce', async () => {
      for (const nonce of ['', 'a b', 'é\n日本', 'x'.repeat(1000)]) {
        expect(await harness.one.take(signed(nonce), long)).toBe(true)
        expect(await harness.other.take(signed(nonce), long)).toBe(false)
      }
    })
  })
}
