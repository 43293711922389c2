import { jest } from '@jest/globals'
import { CacheError } from '#libs/cache/index'
import { createLogger, type LogLevel } from '#libs/telemetry/index'
import { tellOfAbsence } from './absence.ts'
import { failuresOf } from './failures.ts'

beforeEach(() => void jest.useFakeTimers())
afterEach(() => void jest.useRealTimers())

async function logOf(level: LogLevel) {
  const lines: { level: string; msg: string; before?: number }[] = []
  const stream = { write: (line: string) => lines.push(JSON.parse(line)) }
  return { lines, logger: await createLogger({ service: 'test', level, pretty: false, stream }) }
}

async function absenceOf(level: LogLevel) {
  const { lines, logger } = await logOf(level)
  const absence = tellOfAbsence({ server: 'Kafka at one:9092', meanwhile: 'Events wait.', logger })
  return { absence, told: () => lines.map((line) => `${line.level} ${line.msg}`) }
}

test('an absence is told when it begins, every 15 seconds, and when it ends, however much fails meanwhile', async () => {
  const { absence, told } = await absenceOf('info')
  absence.away()
  for (let second = 0; second < 60; second++) {
    absence.away()
    absence.failed(new Error('refused'))
    jest.advanceTimersByTime(1_000)
  }
  absence.back()
  absence.back()
  jest.advanceTimersByTime(60_000)
  expect(told()).toEqual([
    'warn Kafka at one:9092 is away. Events wait.',
    ...Array.from({ length: 3 }, () => 'warn Kafka at one:9092 is still away. Events wait.'),
    'info Kafka at one:9092 is back',
  ])
})

test('an absence of a second is told by its failures at debug alone', async () => {
  const { absence, told } = await absenceOf('debug')
  absence.away()
  absence.failed(new Error('refused'))
  jest.advanceTimersByTime(1_000)
  absence.back()
  jest.advanceTimersByTime(60_000)
  expect(told()).toEqual(['debug Kafka at one:9092 was needed'])
})

test('a failure that no absence explains is told at once by its kind, and again with how often it came', async () => {
  const { lines, logger } = await logOf('info')
  const failed = failuresOf('the channel', logger)
  const refused = new CacheError('subscribe-refused', 'refused')
  for (let time = 0; time < 10; time++) failed(refused)
  failed(new CacheError('handler-failed', 'another kind'))
  jest.advanceTimersByTime(15_000)
  failed(refused)
  expect(lines.map(({ msg, before }) => [msg, before])).toEqual([
    ['the channel failed', undefined],
    ['the channel failed', undefined],
    ['the channel failed', 9],
  ])
})

test('what an absence explains is left to it, unless the server turns out to have been there', async () => {
  const { lines, logger } = await logOf('info')
  const later: (() => void)[] = []
  const server = { explains: (_error: unknown, otherwise: () => void) => later.push(otherwise) > 0 }
  failuresOf('the database', logger, [server])(new Error('it took too long'))
  expect(lines).toEqual([])
  later[0]?.()
  expect(lines.map(({ msg }) => msg)).toEqual(['the database failed'])
})
