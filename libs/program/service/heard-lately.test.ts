import { HeardLately } from './heard-lately.ts'

const start = Date.UTC(2026, 2, 1, 10)
let now: number
let isFollowing: boolean
let heard: HeardLately
beforeEach(() => {
  now = start
  isFollowing = false
  heard = new HeardLately({ isFollowing: () => isFollowing, clock: () => new Date(now) })
})
afterEach(() => heard.end())

test('who has never followed the event log goes by nothing, whatever the channel says', () => {
  heard.hear({ unbrokenSince: start })
  expect(heard.isCurrent).toBe(false)
})

test('without a channel what is known counts for 5 seconds after the event log was followed last', () => {
  isFollowing = true
  expect(heard.isCurrent).toBe(true)
  isFollowing = false
  now = start + 5_000
  expect(heard.isCurrent).toBe(true)
  now = start + 5_001
  expect(heard.isCurrent).toBe(false)
})

test('a channel that has missed nothing since the event log was followed last goes on vouching, and one that broke meanwhile does not', () => {
  isFollowing = true
  heard.look()
  isFollowing = false
  now = start + 60_000
  heard.hear({ unbrokenSince: start - 1 })
  expect(heard.isCurrent).toBe(true)
  heard.hear({ unbrokenSince: start + 1 })
  expect(heard.isCurrent).toBe(false)
  heard.hear({ unbrokenSince: undefined })
  expect(heard.isCurrent).toBe(false)
})
