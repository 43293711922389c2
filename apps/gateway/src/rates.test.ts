import { readAddress } from '#libs/addresses/index'
import { readKey, mintKey } from '#libs/credentials/index'
import { defaultPolicy } from '#libs/events/index'
import { memoryLimiter } from '#libs/rates/index'
import type { KnownKey } from './principal.ts'
import { Rates } from './rates.ts'

test('a key that has used up its burst is let pass 30 times a second, however many networks are counted', async () => {
  const limits = { perKey: 500, perConnection: 10_000, unproved: 100, lookUps: 400, refusals: 1_000 }
  const rates = new Rates(memoryLimiter(), memoryLimiter({ most: 0 }), limits)
  const { text, kid } = mintKey('live')
  const presented = readKey(text)
  const address = readAddress('192.0.2.7')
  if (address === undefined) throw new Error('the address is one')
  for (let network = 0; network < 4_096 * 30; network++) {
    const other = readAddress(`2001:db8:${(network >> 12).toString(16)}:${(network & 0xfff).toString(16)}::1`)
    if (other !== undefined) await rates.unread(other)
  }
  const key: KnownKey = {
    kid,
    connection: 'c',
    tenant: 'acme',
    environment: 'live',
    pepperVersion: 1,
    digest: Buffer.alloc(32),
    state: 'active',
    policy: { ...defaultPolicy, rate: { perSecond: 30, burst: 300 } },
    allowed: undefined,
  }
  const passes = async (): Promise<boolean> => {
    if ((await rates.refusal(presented, address)) !== undefined) return false
    await rates.count(key, address)
    return true
  }
  await rates.count(key, address)
  for (let sent = 1; sent < 300; sent++) expect(await passes()).toBe(true)
  for (let sent = 0; sent < 30; sent++) expect(await passes()).toBe(true)
})
