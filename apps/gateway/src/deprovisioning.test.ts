import { defaultSettings } from '#libs/events/index'
import { resourceTypes } from '#libs/scim/index'
import {
  allow,
  type ChangedGuard,
  deny,
  type Example,
  type Guard,
  guardEvent,
  type GuardRules,
  judge,
  newGuard,
  present,
  refusalBy,
  rulesOf,
  usersNeeded,
} from './deprovisioning.ts'

const rules: GuardRules = { most: 5, percent: 10, window: 60_000 }
const start = new Date('2026-11-29T12:00:00.000Z')
const after = (milliseconds: number): Date => new Date(start.getTime() + milliseconds)
const acts = (count: number, from = 0): Example[] =>
  Array.from({ length: count }, (_, index) => ({ kind: 'User', id: `u${from + index}` }))
const scope = { tenant: 'acme', connection: 'c1', environment: 'live' } as const
const fresh = newGuard('c1', start)
function held(): ChangedGuard {
  const { after: guard } = judge(fresh, acts(7), rules, 0, start)
  if (guard.state === 'counting') throw new Error('it is not held')
  return guard
}

describe('counting', () => {
  test('up to the larger of number and share passes, together or one by one; what goes beyond is held', () => {
    expect(judge(fresh, acts(5), rules, 0, start)).toMatchObject({ passed: 5, after: { state: 'counting', count: 5 } })
    expect(judge(fresh, acts(6), rules, 0, start)).toMatchObject({ passed: 5, after: { state: 'held', tried: 1 } })
    expect(judge(fresh, acts(30), rules, 200, start)).toMatchObject({ passed: 20, after: { state: 'held', tried: 10 } })
    let guard: Guard = fresh
    for (let act = 0; act < 5; act++) guard = judge(guard, acts(1, act), rules, 0, start).after
    expect(judge(guard, acts(1, 5), rules, 0, start)).toMatchObject({ passed: 0, after: { state: 'held', tried: 1 } })
  })

  test('asks for users only where the number alone does not let it pass, and for no more than tell', () => {
    expect(usersNeeded(fresh, 5, rules)).toBeUndefined()
    expect(usersNeeded(fresh, 6, rules)).toBe(60)
    expect(judge(fresh, acts(6), rules, 60, start).passed).toBe(6)
    expect(judge(fresh, acts(6), rules, 59, start).passed).toBe(5)
    expect(usersNeeded(fresh, 6, { ...rules, percent: 0 })).toBeUndefined()
    expect(usersNeeded(held(), 6, rules)).toBeUndefined()
  })

  test('begins anew when the window is over', () => {
    const guard = judge(fresh, acts(5), rules, 0, start).after
    expect(present(guard, after(59_999), rules.window)).toBe(guard)
    expect(present(guard, after(60_000), rules.window)).toEqual({ ...fresh, began: after(60_000) })
  })
})

describe('held', () => {
  test('holds all that follows, for as long as nobody decides', () => {
    const later = present(held(), after(1_000 * rules.window), rules.window)
    expect(judge(later, acts(3), rules, 1_000_000, after(1_000 * rules.window))).toMatchObject({
      passed: 0,
      after: { state: 'held', heldSince: start, tried: 5 },
    })
  })

  test('counts those tried, and keeps the first ten of them by id alone', () => {
    const guard = judge(held(), acts(20, 7), rules, 0, start).after
    expect(guard.tried).toBe(22)
    expect(guard.examples).toEqual(acts(10, 5))
  })

  test('is told once, in the order of its versions', () => {
    const first = held()
    const [event, next] = [
      guardEvent(first, scope, rules, start),
      guardEvent(deny(first, start, 1) ?? first, scope, rules, start),
    ]
    expect(event).toMatchObject({ name: 'guard.held', version: 1, payload: { passed: 5, windowSeconds: 60 } })
    expect(judge(first, acts(3), rules, 0, start).after.version).toBe(first.version)
    expect(next).toMatchObject({ name: 'guard.denied', version: 2 })
  })

  test('is answered 429 with when to ask again, and denied 403; both with cause and fix', () => {
    const [waiting, refused] = [refusalBy(held(), rules), refusalBy(deny(held(), start, 1), rules)]
    expect([waiting.status, waiting.code, waiting.headers]).toEqual([
      429,
      'deprovisioning-held',
      { 'Retry-After': '300' },
    ])
    expect([refused.status, refused.code, refused.headers]).toEqual([403, 'deprovisioning-denied', {}])
    expect(waiting.detail).toMatch(/^More than 5 .*latchkey guard allow c1/)
    expect(refused.detail).toMatch(/^A person has denied .*latchkey guard allow c1/)
  })
})

describe('a person', () => {
  test('allows for a time: all pass until then, and are counted anew after it', () => {
    const allowed = allow(held(), { until: after(10_000) }, start)
    expect(judge(allowed, acts(100), rules, 0, start)).toMatchObject({ passed: 100, after: { state: 'allowed' } })
    expect(present(allowed, after(10_000), rules.window)).toMatchObject({ state: 'counting', count: 0, version: 2 })
    expect(guardEvent(allowed, scope, rules, start)).toMatchObject({
      name: 'guard.allowed',
      version: 2,
      payload: { until: after(10_000).toISOString(), count: null },
    })
  })

  test('allows a number: so many pass, and those behind them count as the first of a new window', () => {
    const allowed = allow(held(), { count: 8 }, start)
    const half = judge(allowed, acts(3), rules, 0, start).after
    expect(half).toMatchObject({ state: 'allowed', left: 5 })
    expect(judge(half, acts(7), rules, 0, start)).toMatchObject({ passed: 7, after: { state: 'counting', count: 2 } })
    expect(judge(half, acts(20), rules, 0, start)).toMatchObject({ passed: 10, after: { state: 'held', tried: 10 } })
  })

  test('allows a number: those behind it are judged by the share of all users too', () => {
    const allowed = allow(held(), { count: 1 }, start)
    const users = usersNeeded(allowed, 20, rules)
    expect(users).toBe(190)
    expect(judge(allowed, acts(20), rules, users ?? 0, start)).toMatchObject({
      passed: 20,
      after: { state: 'counting' },
    })
    expect(usersNeeded(allowed, 6, rules)).toBeUndefined()
    expect(usersNeeded(allow(held(), { until: after(10_000) }, start), 20, rules)).toBeUndefined()
  })

  test('denies for a window, also what was allowed, and what is to come where nothing was decided', () => {
    const denied = deny(held(), start, rules.window)
    expect(judge(denied, acts(2), rules, 1_000, start)).toMatchObject({
      passed: 0,
      after: { state: 'denied', tried: 4 },
    })
    expect(present(denied, after(59_999), rules.window)).toBe(denied)
    expect(present(denied, after(60_000), rules.window).state).toBe('counting')
    const allowed = allow(fresh, { count: 1 }, start)
    for (const before of [fresh, allowed, { ...allowed, left: 0 }]) {
      const after = deny(before, start, rules.window)
      expect(judge(after, acts(2), rules, 1_000, start)).toMatchObject({ passed: 0, after: { state: 'denied' } })
    }
  })
})

test.each([
  ['live', 'auto', true],
  ['sandbox', 'auto', false],
  ['live', 'off', false],
  ['sandbox', 'on', true],
] as const)('a %s connection whose guard is %s: %p', (environment, guard, isGuarded) => {
  const settings = { ...defaultSettings, guard }
  const connection = {
    ...scope,
    environment,
    identityProvider: 'okta',
    enabled: true,
    settings,
    types: resourceTypes,
  } as const
  expect(rulesOf(connection)).toEqual(isGuarded ? { most: 50, percent: 10, window: 3_600_000 } : undefined)
})
