import { HeardLately } from './heard-lately.ts'

const start = Date.UTC(2026, 2, 1, 10)
let now: number
let isFollowing: boolean
let answered: number | undefined
let proven: number | undefined
let heard: HeardLately
beforeEach(() => {
  now = start
  isFollowing = false
  answered = undefined
  proven = undefined
  heard = new HeardLately({
    isFollowing: () => isFollowing,
    // One that answers does so at once, unless a test has it stand still.
    answeredAt: () => new Date(answered ?? now),
    provenUpTo: () => (proven === undefined ? undefined : new Date(proven)),
    clock: () => new Date(now),
    onFailure: () => undefined,
  })
})
afterEach(() => heard.end())

test('before the first proof of the publishers nothing is gone by, whatever is followed and heard', () => {
  isFollowing = true
  heard.hear({ unbrokenSince: start })
  expect(heard.isCurrent).toBe(false)
})

test('a proof holds for 5 seconds where nothing else vouches', () => {
  proven = start
  now = start + 5_000
  expect(heard.isCurrent).toBe(true)
  now = start + 5_001
  expect(heard.isCurrent).toBe(false)
})

test('an event log that was followed since before the proof goes on vouching, though publishers are away', () => {
  isFollowing = true
  heard.look()
  proven = start + 1
  now = start + 60_000
  expect(heard.isCurrent).toBe(true)
})

test('an event log that stands still vouches for 5 seconds from its last answer, though it counts as followed, and after that for what was proved since it answered again', () => {
  isFollowing = true
  heard.look()
  proven = start + 1
  answered = start + 20_000
  now = start + 25_000
  expect(heard.isCurrent).toBe(true)
  now = start + 25_001
  expect(heard.isCurrent).toBe(false)
  answered = now = start + 26_000
  expect(heard.isCurrent).toBe(false)
  proven = start + 26_000
  answered = now = start + 40_000
  expect(heard.isCurrent).toBe(true)
})

test('after an interruption the event log vouches again once the publishers have proved it anew, and no sooner', () => {
  isFollowing = true
  heard.look()
  proven = start
  now = start + 10_000
  isFollowing = false
  heard.look()
  isFollowing = true
  now = start + 20_000
  expect(heard.isCurrent).toBe(false)
  proven = start + 20_000
  now = start + 60_000
  expect(heard.isCurrent).toBe(true)
})

test('a channel that has missed nothing since before the proof goes on vouching, and one that broke after it does not', () => {
  proven = start
  now = start + 60_000
  heard.hear({ unbrokenSince: start })
  expect(heard.isCurrent).toBe(true)
  heard.hear({ unbrokenSince: start + 1 })
  expect(heard.isCurrent).toBe(false)
  heard.hear({ unbrokenSince: undefined })
  expect(heard.isCurrent).toBe(false)
})

test('a channel of which something could not be kept vouches for nothing before the next proof', () => {
  proven = start
  now = start + 60_000
  heard.hear({ unbrokenSince: start })
  heard.missed()
  expect(heard.isCurrent).toBe(false)
  proven = now
  now += 60_000
  expect(heard.isCurrent).toBe(true)
})
