import type { RuleCode } from './rules.ts'
import type { Sighting } from './sightings.ts'
import { readThresholds } from './thresholds.ts'
import { hear } from './traffic.ts'
import { silentFrom, watch, type Watched } from './watched.ts'

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour
const start = Date.parse('2026-11-02T08:00:00Z')

/** Rules of habits that are broken by uses of a key from these networks, at these times after the start. */
function brokenBy(uses: readonly (readonly [network: string, after: number])[], set: object, before: Watched = {}) {
  const sightings = uses.map(([network, after], index): Sighting => {
    const owner = { tenant: 'tenant', connection: 'connection', environment: 'live' } as const
    const own = { network, proved: true, letIn: true, broken: [], count: 1, shown: 0 }
    return { request: `request-${index}`, at: start + after, ...owner, ...own }
  })
  const seen = { subject: { kind: 'key', id: 'kid' }, sightings } as const
  return watch(before, seen, readThresholds(JSON.stringify(set))).occurrences.map(({ rule }) => rule)
}

const twice = [
  ['one', 0],
  ['other', 2 * day],
] as const
const together = [
  ['one', 0],
  ['other', 30 * minute],
  ['third', 40 * minute],
] as const
const spreadOut = [...together.slice(0, 2), ['third', 5 * hour]] as const
const late = [['one', 2 * hour]] as const
const often = [...late, ['one', 2 * hour + minute]] as const
const retired: Watched = { retired: { at: start, uses: 0 }, networks: { one: [start, start] } }

describe('of a key, what is set of a rule is what counts', () => {
  test.each<[RuleCode, string, Parameters<typeof brokenBy>[0], object, boolean]>([
    ['new-network', 'as it comes', twice, {}, true],
    ['new-network', 'a window in which no other was used', twice, { window: '1d' }, false],
    ['new-network', 'more others than there are', twice, { count: 2 }, false],
    ['new-network', 'as many others as there are', [...twice, ['third', 3 * day]], { count: 2 }, true],
    ['several-networks', 'as it comes, within 10 minutes', together.slice(0, 2), {}, false],
    ['several-networks', 'a window that holds both', together.slice(0, 2), { window: '1h' }, true],
    ['several-networks', 'more than the window holds', together.slice(0, 2), { window: '1h', count: 3 }, false],
    ['several-networks', 'as many, but one of them hours later', spreadOut, { window: '1h', count: 3 }, false],
    ['several-networks', 'as many as the window holds', together, { window: '1h', count: 3 }, true],
    ['retiring-key-used', 'as it comes', late, {}, true],
    ['retiring-key-used', 'a window that is not over', late, { window: '3h' }, false],
    ['retiring-key-used', 'more uses than there were', late, { count: 2 }, false],
    ['retiring-key-used', 'as many uses as there were', often, { count: 2 }, true],
  ])('%s: %s', (rule, _what, uses, threshold, isBroken) => {
    const broken = brokenBy(uses, { [rule]: threshold }, rule === 'retiring-key-used' ? retired : {})
    expect(broken.includes(rule)).toBe(isBroken)
  })
})

test('of a connection, what is set of silence is what counts', () => {
  const heard = hear(
    undefined,
    [0, 1, 2, 3].map((days) => start + days * day),
  )
  const traffic = { ...heard, pauses: heard.pauses.map(([on, longest]): [number, number] => [on, longest]) }
  const due = (set: object) => silentFrom({ traffic }, readThresholds(JSON.stringify({ silence: set })))
  expect(due({})).toBe(heard.last + 3 * day)
  expect(due({ count: 5 })).toBe(heard.last + 5 * day)
  expect(due({ window: '30d' })).toBe(heard.last + 30 * day)
  expect(due({ off: true })).toBeUndefined()
})
