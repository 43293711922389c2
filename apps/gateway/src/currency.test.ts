import { Currency } from './currency.ts'

const at = (second: number): Date => new Date(second * 1_000)

interface Heard {
  readonly proven?: number
  readonly caughtUp?: number
  readonly logSince?: number
  readonly channelSince?: number
}

/** As it stands at second 100. */
function currency({ proven, caughtUp, logSince, channelSince }: Heard): Currency {
  const instant = (second: number | undefined) => () => (second === undefined ? undefined : at(second))
  const known = new Currency(
    { provenUpTo: instant(proven), caughtUpAt: instant(caughtUp), unbrokenSince: instant(logSince) },
    () => at(100),
  )
  known.hear(() => (channelSince === undefined ? undefined : channelSince * 1_000))
  return known
}

test.each<[string, Heard, boolean, boolean]>([
  ['nothing was ever heard', {}, false, false],
  [
    'the log and the channel are there, and the publishers have never proved anything',
    { caughtUp: 100, logSince: 1, channelSince: 1 },
    false,
    false,
  ],
  [
    'the publishers proved it 5 seconds ago, and the log is there',
    { proven: 95, caughtUp: 98, logSince: 96 },
    true,
    true,
  ],
  ['the publishers proved it 5 seconds ago, and the log is away for three', { proven: 95, caughtUp: 97 }, false, true],
  ['it was proved longer ago, and the channel has missed nothing since', { proven: 50, channelSince: 50 }, false, true],
  [
    'it was proved longer ago, and the channel has missed something since',
    { proven: 50, channelSince: 51 },
    false,
    false,
  ],
  [
    'the publishers are gone, and the log was read without interruption',
    { proven: 50, caughtUp: 99, logSince: 50 },
    true,
    true,
  ],
  [
    'both were away, and the log is back, but not its publishers',
    { proven: 50, caughtUp: 99, logSince: 60, channelSince: 61 },
    false,
    false,
  ],
  ['the log stands still', { proven: 50, caughtUp: 94, logSince: 40 }, false, false],
  ['the clock was set back', { proven: 3_600, caughtUp: 3_600 }, false, false],
])('when %s, minted and revoked keys are known accordingly', (_, heard, minted, revoked) => {
  const known = currency(heard)
  expect([known.ofMinted, known.ofRevoked]).toEqual([minted, revoked])
})

test('a channel of which something could not be kept vouches for nothing before the next proof', () => {
  const known = currency({ proven: 50, channelSince: 40 })
  expect(known.ofRevoked).toBe(true)
  known.missed()
  expect(known.ofRevoked).toBe(false)
})

test.each<[string, Heard, boolean]>([
  ['it was proved before the channel came into force', { proven: 98, channelSince: 99 }, false],
  ['it was proved after that', { proven: 99, channelSince: 99 }, true],
  ['there is no channel, and it was proved', { proven: 98 }, true],
  ['nothing was proved', {}, false],
])('when %s, the log may go away accordingly', (_, heard, settled) => {
  expect(currency(heard).isSettled).toBe(settled)
})

test('a channel that nobody listens to vouches for nothing', () => {
  const log = { provenUpTo: () => at(50), caughtUpAt: () => undefined, unbrokenSince: () => undefined }
  expect(new Currency(log, () => at(100)).ofRevoked).toBe(false)
})

test('what was remembered while revocations were not known is to be forgotten before they count as known, and once', () => {
  let proven = 90
  const log = { provenUpTo: () => at(proven), caughtUpAt: () => undefined, unbrokenSince: () => undefined }
  const known = new Currency(log, () => at(100))
  const told: string[] = []
  known.onRegained(() => void told.push('forget'))
  const ask = (): void => void told.push(String(known.look()))
  ask()
  proven = 99
  ask()
  ask()
  proven = 90
  ask()
  proven = 99
  ask()
  expect(told).toEqual(['false', 'forget', 'true', 'true', 'false', 'forget', 'true'])
})

test('whoever only asks whether revocations are known again leaves it to the next look to forget', () => {
  let proven = 90
  const log = { provenUpTo: () => at(proven), caughtUpAt: () => undefined, unbrokenSince: () => undefined }
  const known = new Currency(log, () => at(100))
  let forgotten = 0
  known.onRegained(() => void forgotten++)
  known.look()
  proven = 99
  expect([known.ofRevoked, forgotten]).toEqual([true, 0])
  expect([known.look(), forgotten]).toEqual([true, 1])
})
