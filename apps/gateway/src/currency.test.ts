import { Currency } from './currency.ts'

const at = (second: number): number => second * 1_000

function currency(now: number, caughtUpAt?: number, unbrokenSince?: number): Currency {
  const known = new Currency(
    () => (caughtUpAt === undefined ? undefined : new Date(at(caughtUpAt))),
    () => new Date(at(now)),
  )
  known.hear(() => (unbrokenSince === undefined ? undefined : at(unbrokenSince)))
  return known
}

test.each([
  ['nothing was ever heard', currency(100), false, false],
  ['the log was never read, and the channel is in force', currency(100, undefined, 1), false, false],
  ['the log was read to its end 5 seconds ago', currency(100, 95), true, true],
  ['the log is away for longer, and so is the channel', currency(100, 94), false, false],
  [
    'the log is away, and the channel has missed nothing since it was last read to its end',
    currency(100, 50, 49),
    false,
    true,
  ],
  ['the log is away, and the channel has missed something since', currency(100, 50, 51), false, false],
])('when %s, minted and revoked keys are known: %#', (_, known, minted, revoked) => {
  expect([known.ofMinted, known.ofRevoked]).toEqual([minted, revoked])
})

test('a channel that nobody listens to vouches for nothing', () => {
  const known = new Currency(
    () => new Date(at(50)),
    () => new Date(at(100)),
  )
  expect(known.ofRevoked).toBe(false)
})
