import { describeChannel, describeNonces } from './conformance/index.ts'
import { type KeptAhead, localChannel, memoryNonces } from './index.ts'

const start = Date.parse('2026-01-01T00:00:00Z')
const unkept: KeptAhead = { before: new Map(), keep: async () => true }
const signed = (nonce: string, signer = 'one') => ({ signer, nonce, created: new Date(start + 1_000) })

describeChannel('this process', (onFailure) => {
  const channel = localChannel(onFailure, 'one process')
  return { one: channel, other: channel }
})

describeNonces('memory', async (keeper) => {
  let now = start
  const begin = async () => memoryNonces({ clock: () => new Date(now), limit: 1000, ahead: await keeper.open() })
  let nonces = await begin()
  const pass = async (milliseconds: number): Promise<void> => void (now += milliseconds)
  await pass(60_000)
  return {
    get one() {
      return nonces
    },
    get other() {
      return nonces
    },
    now: () => new Date(now),
    pass,
    async lose() {
      nonces = await begin()
    },
    settle: () => pass(1),
  }
})

/** Nonces that began at `start`, and their clock, which is a minute later. */
function given(limit: number) {
  const clock = { now: start }
  const nonces = memoryNonces({ clock: () => new Date(clock.now), limit, ahead: unkept })
  clock.now += 60_000
  return { clock, nonces }
}

test('memory that is full of nonces takes no more until one is over, and forgets none before', async () => {
  const { clock, nonces } = given(4)
  expect([await nonces.take(signed('a'), 1_000), await nonces.take(signed('b'), 2_000)]).toEqual([true, true])
  expect(await nonces.take(signed('c'), 1_000)).toBeUndefined()
  expect(await nonces.take(signed('a'), 1_000)).toBe(false)
  clock.now += 1_000
  expect(await nonces.take(signed('c'), 1_000)).toBe(true)
  expect(await nonces.take(signed('b'), 1_000)).toBe(false)
})

test('memory that is full of nonces is looked through once a second, not for each that comes', async () => {
  const { clock, nonces } = given(4)
  expect([await nonces.take(signed('a'), 100), await nonces.take(signed('b'), 200)]).toEqual([true, true])
  expect(await nonces.take(signed('c'), 100)).toBeUndefined()
  clock.now += 999
  expect(await nonces.take(signed('c'), 100)).toBeUndefined()
  clock.now += 1
  expect(await nonces.take(signed('c'), 100)).toBe(true)
})

test('a signer that sends as many nonces as there is room for leaves half of it to others', async () => {
  const { nonces } = given(8)
  const take = (signer: string, count: number) =>
    Promise.all(Array.from({ length: count }, (_, number) => nonces.take(signed(`nonce ${number}`, signer), 60_000)))
  const taken = async (signer: string) => (await take(signer, 8)).filter((mine) => mine === true).length
  expect([await taken('one'), await taken('other'), await taken('third')]).toEqual([4, 2, 1])
})

test('what was created before the store, in the second in which it began too, is not known', async () => {
  const { nonces } = given(10)
  const take = (created: number) => nonces.take({ signer: 'one', nonce: 'nonce', created: new Date(created) }, 1_000)
  expect([await take(start - 1_000), await take(start), await take(start + 1_000)]).toEqual([
    undefined,
    undefined,
    true,
  ])
})
