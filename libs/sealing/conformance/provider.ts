import { randomBytes } from 'node:crypto'
import { SealingError, type SealingFault } from '../errors.ts'
import type { KeyEncryptionProvider } from '../provider.ts'

export interface ProviderHarness {
  /** The same KEK, as another process opens it. */
  open(): Promise<KeyEncryptionProvider>
  /** Another KEK at the same place. */
  openOther(): Promise<KeyEncryptionProvider>
  /** One that is not there. May reject as a call on it would. */
  openMissing(): Promise<KeyEncryptionProvider>
  /** The KEK, where we may not use it. */
  openRefused(): Promise<KeyEncryptionProvider>
  /** Behind an address where nothing answers; absent where there is no such thing. */
  openAway?(): Promise<KeyEncryptionProvider>
  /** Has the KEK wrap in a new version from now on; absent where a KEK has but one. */
  rotate?(): Promise<void>
}

const context = { tenant: 'acme', dataKey: 'dk1' }

/** What every provider of a key encryption key must guarantee. */
export function describeProvider(adapter: string, start: () => Promise<ProviderHarness>): void {
  describe(`a KEK in ${adapter}`, () => {
    let harness: ProviderHarness
    let kek: KeyEncryptionProvider
    beforeAll(async () => {
      harness = await start()
      kek = await harness.open()
    })

    test('what was wrapped is unwrapped in any process, byte for byte', async () => {
      for (const key of [randomBytes(32), Buffer.alloc(32), Buffer.alloc(32, 0xff)]) {
        const wrapped = await kek.wrap(key, context)
        expect(await (await harness.open()).unwrap(wrapped, context)).toEqual(key)
      }
    })

    test('what is wrapped tells the id and the version of the KEK, which status tells too', async () => {
      const { kekId, kekVersion } = await kek.wrap(randomBytes(32), context)
      expect(kekId).toBe(kek.id)
      expect(await kek.status()).toEqual({ id: kekId, version: kekVersion })
    })

    test('the same KEK has the same id everywhere, and another has another', async () => {
      expect((await harness.open()).id).toBe(kek.id)
      expect((await harness.openOther()).id).not.toBe(kek.id)
    })

    test('nothing of the key stands in what is wrapped, which is never the same twice', async () => {
      const key = randomBytes(32)
      const [one, other] = [await kek.wrap(key, context), await kek.wrap(key, context)]
      expect(one.wrapped).not.toBe(other.wrapped)
      expect(Buffer.from(one.wrapped, 'base64').includes(key)).toBe(false)
    })

    test('what was wrapped for one tenant or data key is unreadable for another', async () => {
      const wrapped = await kek.wrap(randomBytes(32), context)
      for (const other of [
        { ...context, tenant: 'globex' },
        { ...context, dataKey: 'dk2' },
      ]) {
        expect(await faultOf(kek.unwrap(wrapped, other))).toBe('unreadable')
      }
    })

    test('what was altered is unreadable', async () => {
      const wrapped = await kek.wrap(randomBytes(32), context)
      const at = wrapped.wrapped.length - 8
      const swapped = wrapped.wrapped[at] === 'A' ? 'B' : 'A'
      const altered = wrapped.wrapped.slice(0, at) + swapped + wrapped.wrapped.slice(at + 1)
      expect(await faultOf(kek.unwrap({ ...wrapped, wrapped: altered }, context))).toBe('unreadable')
    })

    test('what another KEK wrapped is not unwrapped', async () => {
      const wrapped = await (await harness.openOther()).wrap(randomBytes(32), context)
      const { kekVersion } = await kek.wrap(randomBytes(32), context)
      const fault = await faultOf(kek.unwrap({ ...wrapped, kekVersion }, context))
      expect(['unreadable', 'kek-refused']).toContain(fault)
    })

    test('a KEK that is missing, and one that we may not use, are told apart', async () => {
      const missing = harness.openMissing()
      expect(await faultOf(missing.then((kek) => kek.wrap(randomBytes(32), context)))).toBe('kek-missing')
      expect(await faultOf(missing.then((kek) => kek.status()))).toBe('kek-missing')
      expect(await faultOf(harness.openRefused().then((refused) => refused.status()))).toBe('kek-refused')
    })

    test('a KEK that cannot be reached is away, within 5 seconds, for each call', async () => {
      if (harness.openAway === undefined) return expect((await kek.status()).id).toBe(kek.id)
      const away = await harness.openAway()
      const wrapped = await kek.wrap(randomBytes(32), context)
      const began = performance.now()
      expect(await faultOf(away.status())).toBe('kek-away')
      expect(await faultOf(away.unwrap(wrapped, context))).toBe('kek-away')
      expect(performance.now() - began).toBeLessThan(10_000)
    })

    test('after a rotation the new version wraps, and what the old one wrapped is still unwrapped', async () => {
      const key = randomBytes(32)
      const before = await kek.wrap(key, context)
      await harness.rotate?.()
      const after = await kek.wrap(key, context)
      expect(after.kekVersion !== before.kekVersion).toBe(harness.rotate !== undefined)
      expect(await kek.status()).toEqual({ id: kek.id, version: after.kekVersion })
      expect(await kek.unwrap(before, context)).toEqual(key)
      expect(await kek.unwrap(after, context)).toEqual(key)
    })
  })
}

/** Of a SealingError, whose message must be one line. */
async function faultOf(work: Promise<unknown>): Promise<SealingFault> {
  const error: unknown = await work.then(
    () => new Error('it was done'),
    (reason: unknown) => reason,
  )
  if (!(error instanceof SealingError)) throw error
  expect(error.message).toMatch(/^[^\n]{40,}\.$|[^\n]{40,}[a-z]$/)
  return error.fault
}
