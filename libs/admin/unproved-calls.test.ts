import { readAddress } from '#libs/addresses/index'
import { UnprovedCalls } from './unproved-calls.ts'

let now = 0
let unproved: UnprovedCalls
beforeEach(() => {
  now = 0
  unproved = new UnprovedCalls(100, () => now)
})

const from = (text: string) => ({ address: readAddress(text), text })

async function times(count: number, caller: (index: number) => ReturnType<typeof from>) {
  const found = []
  for (let index = 0; index < count; index++) found.push(await unproved.count(caller(index)))
  return found
}

test('a hundred of a network are answered as they are; of those beyond, one a second leaves a record that counts the others', async () => {
  const first = await times(100, () => from('192.0.2.7'))
  expect(first.filter((one) => one !== undefined)).toEqual([])
  const more = await times(30, () => from('192.0.2.7'))
  expect(more.map((one) => one?.alike)).toEqual([0, ...Array.from({ length: 29 }, () => undefined)])
  expect(more.every((one) => one !== undefined && one.retryAfterSeconds >= 1 && one.retryAfterSeconds <= 10)).toBe(true)
  now += 1_000
  expect(await unproved.count(from('192.0.2.7'))).toMatchObject({ alike: 29 })
})

test('what one network sends is not held against another; addresses of one IPv6 network count together', async () => {
  await times(101, () => from('192.0.2.7'))
  expect(await unproved.count(from('198.51.100.1'))).toBeUndefined()
  const spread = await times(101, (index) => from(`2001:db8::${(index + 1).toString(16)}`))
  expect(spread.filter((one) => one !== undefined)).toHaveLength(1)
})

test('a token that is not accepted any more counts for itself, from wherever, and not for its network', async () => {
  for (let index = 0; index < 100; index++) await unproved.count(from(`198.18.0.${index}`), 'revoked')
  expect(await unproved.count(from('192.0.2.7'), 'revoked')).toMatchObject({ alike: 0 })
  await times(99, () => from('192.0.2.7'))
  expect(await unproved.count(from('192.0.2.7'))).toBeUndefined()
})

test('callers whose address cannot be read count together, whatever they wrote', async () => {
  const spread = await times(101, (index) => from(`nobody ${index}`))
  expect(spread.at(-1)).toMatchObject({ alike: 0 })
})

test('a flood from many networks leaves no more records than one from few', async () => {
  const spread = await times(1_200, (index) => from(`198.18.${Math.floor(index / 100)}.${index % 100}`))
  expect(spread.filter((one) => one === undefined)).toHaveLength(1_000)
  expect(spread.filter((one) => one?.alike !== undefined)).toHaveLength(1)
})
