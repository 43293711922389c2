import { describeChannel, describeNonces } from './conformance/index.ts'
import { localChannel, memoryNonces } from './index.ts'

describeChannel('this process', (onFailure) => {
  const channel = localChannel(onFailure, 'one process')
  return { one: channel, other: channel }
})

describeNonces('memory', () => {
  let now = Date.parse('2026-01-01T00:00:00Z')
  const nonces = memoryNonces({ clock: () => new Date(now), limit: 1000 })
  return { one: nonces, other: nonces, pass: async (milliseconds) => void (now += milliseconds) }
})

test('memory that is full of nonces takes no more until one is over, and forgets none before', async () => {
  let now = 0
  const nonces = memoryNonces({ clock: () => new Date(now), limit: 2 })
  expect([await nonces.take('a', 1_000), await nonces.take('b', 2_000)]).toEqual([true, true])
  expect(await nonces.take('c', 1_000)).toBeUndefined()
  expect(await nonces.take('a', 1_000)).toBe(false)
  now = 1_000
  expect(await nonces.take('c', 1_000)).toBe(true)
  expect(await nonces.take('b', 1_000)).toBe(false)
})

test('memory that is full of nonces is looked through once a second, not for each that comes', async () => {
  let now = 0
  const nonces = memoryNonces({ clock: () => new Date(now), limit: 2 })
  expect([await nonces.take('a', 100), await nonces.take('b', 200)]).toEqual([true, true])
  expect(await nonces.take('c', 100)).toBeUndefined()
  now = 999
  expect(await nonces.take('c', 100)).toBeUndefined()
  now = 1_000
  expect(await nonces.take('c', 100)).toBe(true)
})
