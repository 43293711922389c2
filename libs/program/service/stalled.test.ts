import { jest } from '@jest/globals'
import type { FollowerState } from '#libs/eventlog/index'
import { createLogger } from '#libs/telemetry/index'
import { tellOfStalled } from './stalled.ts'

beforeEach(() => void jest.useFakeTimers())
afterEach(() => void jest.useRealTimers())

test('a follower that stays stalled is told every 15 seconds with its reason, unless Kafka is away', async () => {
  const lines: { level: string; group: string; seconds: number; err?: { message: string } }[] = []
  const stream = { write: (line: string) => lines.push(JSON.parse(line)) }
  const logger = await createLogger({ service: 'test', level: 'info', pretty: false, stream })
  let state: FollowerState = 'stalled'
  let isKafkaThere = false
  const stalled = tellOfStalled({ group: 'keys', state: () => state, isKafkaThere: () => isKafkaThere, logger })
  const seconds = (count: number): Promise<void> => jest.advanceTimersByTimeAsync(count * 1_000)
  const told = () => lines.splice(0).map(({ level, group, err, ...line }) => [level, group, line.seconds, err?.message])

  await seconds(60)
  isKafkaThere = true
  await seconds(14)
  expect(told()).toEqual([])
  await seconds(1)
  stalled.failed(new Error('the group is rebalancing'))
  await seconds(15)
  expect(told()).toEqual([
    ['warn', 'keys', 15, undefined],
    ['warn', 'keys', 30, 'the group is rebalancing'],
  ])
  state = 'following'
  await seconds(1)
  state = 'stalled'
  await seconds(14)
  await stalled.end()
  await seconds(60)
  expect(told()).toEqual([])
})
