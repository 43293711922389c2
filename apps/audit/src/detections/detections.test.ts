import { readFileSync } from 'node:fs'
import { readSettings, settings } from '#libs/program/index'
import { addressedConnection } from './addressed-connection.ts'
import { detectionsPage, pageFile } from './page.ts'
import { ofThresholds, readThresholds } from './thresholds.ts'
import { dueAt, hear } from './traffic.ts'
import { type Came, count, type Counted } from './window.ts'

const hour = 60 * 60 * 1000
const day = 24 * hour

test('docs/detections.md tells every rule as it is', () => {
  expect(readFileSync(pageFile, 'utf8')).toBe(detectionsPage())
})

test('thresholds are the defaults with what is set', () => {
  const thresholds = readThresholds('{"wrong-secret":{"count":3},"clock-drift":{"window":"1h"},"silence":{"off":true}}')
  expect(thresholds.get('wrong-secret')).toEqual({ count: 3, window: 600_000 })
  expect(thresholds.get('clock-drift')).toEqual({ count: 3, window: hour })
  expect(thresholds.has('silence')).toBe(false)
  expect(thresholds.get('mass-create')).toEqual({ count: 1_000, window: hour })
})

test.each([
  ['none', ['no JSON object; it should hold one, such as {}']],
  ['[]', ['no JSON object; it should hold one, such as {}']],
  ['{"wrong-secrets":{}}', ['a rule "wrong-secrets"; it should hold rules among key-guessing, wrong-secret']],
  [
    '{"wrong-secret":{"count":"3","window":"long"},"silence":{"off":"yes"},"new-network":{"windwo":"1h"},"mass-create":3}',
    [
      'the count "3" for the rule wrong-secret; it should hold a whole number from 1 to 1000000000',
      'the window "long" for the rule wrong-secret; it should hold a duration such as 10m, from 1s to 400d',
      'the off "yes" for the rule silence; it should hold true or false',
      '"windwo" for the rule new-network; it should hold nothing there but off, count, window',
      '3 for the rule mass-create; it should hold an object there, of off, count, window',
    ],
  ],
  ['{"wrong-secret":{"count":0}}', ['the count 0 for the rule wrong-secret; it should hold a whole number from 1']],
])('all that cannot be among thresholds is told with what to write: %s', (text, told) => {
  const read = (): unknown =>
    readSettings({ LATCHKEY_DETECTIONS: text }, { LATCHKEY_DETECTIONS: ofThresholds(settings.LATCHKEY_DETECTIONS) })
  const lines = told.map((line) => expect.stringContaining(`LATCHKEY_DETECTIONS holds ${line}`))
  expect(linesOf(read)).toEqual(lines)
})

function linesOf(read: () => unknown): string[] {
  try {
    read()
  } catch (error) {
    return String(Object(error).message).split('\n')
  }
  return []
}

test('the connection of a path is the one below /scim/v2, that of a request for a token its client', () => {
  expect(addressedConnection({ path: '/scim/v2/payroll/Users/1' })).toBe('payroll')
  expect(addressedConnection({ path: '/admin/v1/tenants' })).toBe('')
  expect(addressedConnection({ path: '/oauth2/token', client: 'payroll' })).toBe('payroll')
})

describe('a window', () => {
  const threshold = { count: 5, window: 12 * 60_000 }
  const now = Date.parse('2026-11-29T12:00:00Z')
  const at = (...minutes: readonly number[]): Came[] =>
    minutes.map((minute) => ({ at: now + minute * 60_000, count: 1 }))

  it('is reached by the count within 11/12 of it, wherever its parts begin', () => {
    for (let shift = 0; shift < 60_000; shift += 7_000) {
      const times = at(0, 2, 5, 9, 11).map((came) => ({ ...came, at: came.at + shift }))
      expect(count(undefined, times, threshold).reached).toEqual({ total: 5, first: now + shift })
    }
  })

  it('is reached by one that stands for others, which are as many as they were', () => {
    const [first, last] = at(0, 3)
    if (first === undefined || last === undefined) throw new Error('there are two')
    expect(count(undefined, [first, { ...last, count: 3 }], threshold).reached).toBeUndefined()
    expect(count(undefined, [first, { ...last, count: 4 }], threshold).reached).toEqual({ total: 5, first: now })
    expect(count(undefined, [{ ...last, count: 400 }], threshold).reached).toEqual({ total: 400, first: last.at })
  })

  it('is not reached by times that are a window apart', () => {
    expect(count(undefined, at(0, 1, 2, 3, 12), threshold).reached).toBeUndefined()
  })

  it('comes to the same in whatever order and in whatever batches times come', () => {
    const times = at(9, 0, 11, 5, 2)
    let counted: Counted | undefined
    const reached = times.map((time) => {
      const step = count(counted, [time], threshold)
      counted = step.after
      return step.reached
    })
    expect(counted).toEqual(count(undefined, times, threshold).after)
    expect(reached.map((one) => one?.total)).toEqual([undefined, undefined, undefined, undefined, 5])
  })

  it('stays small however long it goes on', () => {
    let counted: Counted | undefined
    for (let minute = 0; minute < 10_000; minute++) counted = count(counted, at(minute), threshold).after
    expect(counted?.parts.length).toBeLessThanOrEqual(24)
  })

  it('is begun anew when its length was changed', () => {
    const before = count(undefined, at(0, 1, 2, 3), threshold).after
    expect(count(before, at(4), { count: 5, window: 24 * 60_000 }).reached).toBeUndefined()
  })
})

describe('silence', () => {
  const threshold = { count: 3, window: hour }
  const start = Date.parse('2026-11-02T08:00:00Z')

  it('is due after three times the longest pause of the last days', () => {
    const times = [0, 1, 2, 3].flatMap((days) => [0, 2, 4].map((hours) => start + days * day + hours * hour))
    const last = Math.max(...times)
    expect(dueAt(hear(undefined, times), threshold)).toBe(last + 3 * 20 * hour)
  })

  it('is not due while less than three days are known, and is an hour at least', () => {
    const minutely = (days: number): number[] =>
      Array.from({ length: days * 1440 }, (_, index) => start + index * 60_000)
    expect(dueAt(hear(undefined, [start, start + hour]), threshold)).toBeUndefined()
    const heard = hear(undefined, minutely(3))
    expect(dueAt(heard, threshold)).toBe(heard.last + hour)
  })

  it('is told once, until something is heard again', () => {
    const times = [0, 1, 2, 3].map((days) => start + days * day)
    const heard = hear(undefined, times)
    expect(dueAt({ ...heard, told: true }, threshold)).toBeUndefined()
    expect(dueAt(hear({ ...heard, told: true }, [start + 20 * day]), threshold)).toBe(start + 20 * day + 3 * 17 * day)
  })

  it('forgets pauses of more than seven days with traffic ago, and passes over what comes late', () => {
    const times = [0, 5, ...Array.from({ length: 8 }, (_, index) => 6 + index)].map((days) => start + days * day)
    const heard = hear(undefined, times)
    expect(dueAt(heard, threshold)).toBe(heard.last + 3 * day)
    expect(hear(heard, [start + hour])).toEqual(heard)
  })
})
