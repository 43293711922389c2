import { readAddress } from '#libs/addresses/index'
import { type Kid, mintKey, readKey } from '#libs/credentials/index'
import { defaultPolicy, type KeyPolicy } from '#libs/events/index'
import { memoryLimiter } from '#libs/rates/index'
import type { KnownKey } from './principal.ts'
import { type CountedRequest, Rates } from './rates.ts'

const keyOf = (kid: Kid, policy: Partial<KeyPolicy> = {}): KnownKey => ({
  kid,
  connection: 'c',
  tenant: 'acme',
  environment: 'live',
  pepperVersion: 1,
  digest: Buffer.alloc(32),
  state: 'active',
  policy: { ...defaultPolicy, ...policy },
  allowed: undefined,
})

const parts = () => ({ shared: memoryLimiter(), own: memoryLimiter(), trust: { hasHeardOf: () => false } })

test('a key that has used up its burst is let pass 30 times a second, however many networks are counted', async () => {
  const limits = { perKey: 500, perConnection: 10_000, unproved: 100, lookUps: 400, refusals: 1_000 }
  const rates = new Rates({ ...parts(), own: memoryLimiter({ most: 0 }), limits })
  const { text, kid } = mintKey('live')
  const presented = readKey(text)
  const address = readAddress('192.0.2.7')
  if (address === undefined) throw new Error('the address is one')
  for (let network = 0; network < 4_096 * 30; network++) {
    const other = readAddress(`2001:db8:${(network >> 12).toString(16)}:${(network & 0xfff).toString(16)}::1`)
    if (other !== undefined) await rates.unread({}, other)
  }
  const key = keyOf(kid, { rate: { perSecond: 30, burst: 300 } })
  const passes = async (): Promise<boolean> => {
    if ((await rates.refusal({}, presented, address)) !== undefined) return false
    await rates.count({}, key)
    return true
  }
  await rates.count({}, key)
  for (let sent = 1; sent < 300; sent++) expect(await passes()).toBe(true)
  for (let sent = 0; sent < 30; sent++) expect(await passes()).toBe(true)
})

test('what is refused of a proved key waits for no turn behind what is refused of bad ones, and all is answered once they have ended', async () => {
  const limits = { perKey: 30, perConnection: 10_000, unproved: 1, lookUps: 1_000_000, refusals: 50 }
  const rates = new Rates({ ...parts(), limits, clock: () => 0 })
  const address = readAddress('192.0.2.7')
  if (address === undefined) throw new Error('the address is one')
  const { text, kid } = mintKey('live')
  for (let sent = 0; sent < 100; sent++) await rates.count({}, keyOf(kid))
  const refused = async (key: string): Promise<() => Promise<boolean>> => {
    const refusal = await rates.refusal({}, readKey(key), address)
    if (refusal === undefined) throw new Error('it is too much')
    return refusal.turn
  }
  await rates.refusal({}, readKey(mintKey('live').text), address)
  let answered = 0
  const flood = await Promise.all(Array.from({ length: 100 }, () => refused(mintKey('live').text)))
  const waiting = flood.map((turn) => turn().then(() => answered++))
  await (
    await refused(text)
  )()
  // One turn is saved up, and the clock stands.
  expect(answered).toBe(1)
  rates.end()
  await Promise.all(waiting)
  expect(answered).toBe(100)
})

describe('of what one network may try', () => {
  const limits = { perKey: 500, perConnection: 10_000, unproved: 100, lookUps: 1_000_000, refusals: 1_000 }
  const address = readAddress('192.0.2.7')
  if (address === undefined) throw new Error('the address is one')

  const isRefused = async (rates: Rates, text: string, request: CountedRequest = {}): Promise<boolean> =>
    (await rates.refusal(request, readKey(text), address)) !== undefined
  /** How many keys that are not known are looked up before one is refused. */
  async function left(rates: Rates): Promise<number> {
    let tried = 0
    while (!(await isRefused(rates, mintKey('live').text))) tried++
    return tried
  }

  test('good keys take nothing, also where the first requests of each come side by side', async () => {
    const rates = new Rates({ ...parts(), limits })
    for (let number = 0; number < 100; number++) {
      const { text, kid } = mintKey('live')
      const requests: CountedRequest[] = [{}, {}, {}]
      for (const request of requests) expect(await isRefused(rates, text, request)).toBe(false)
      for (const request of requests) await rates.count(request, keyOf(kid))
    }
    expect(await left(rates)).toBe(limits.unproved)
  })

  test('a request gives back what was counted of itself, once, and only where its key is accepted', async () => {
    const rates = new Rates({ ...parts(), limits })
    const { text, kid } = mintKey('live')
    const accepted: CountedRequest = {}
    const refused: CountedRequest = {}
    const later: CountedRequest = {}
    await isRefused(rates, text, accepted)
    await isRefused(rates, text, refused)
    await rates.count(accepted, keyOf(kid))
    await rates.count(accepted, keyOf(kid))
    await isRefused(rates, text, later)
    await rates.count(later, keyOf(kid))
    expect(await left(rates)).toBe(limits.unproved - 1)
  })
})
