import { z } from 'zod'
import { parseDuration, type Setting, Unfit } from '#libs/configuration/index'
import type { Threshold } from './rule.ts'
import { isRuleCode, ruleCodes, type RuleCode, rules } from './rules.ts'

/** Of the rules that are on. */
export type Thresholds = ReadonlyMap<RuleCode, Threshold>

const longestWindow = 400 * 24 * 60 * 60 * 1000
const mostCount = 1_000_000_000
const wholeNumber = `a whole number from 1 to ${mostCount}`
const duration = 'a duration such as 10m, from 1s to 400d'

const change = z.strictObject({
  off: z.boolean('true or false').optional(),
  count: z.int(wholeNumber).min(1, wholeNumber).max(mostCount, wholeNumber).optional(),
  window: z
    .string(duration)
    .transform((text) => parseDuration(text) ?? Number.NaN)
    .refine((length) => length >= 1_000 && length <= longestWindow, duration)
    .optional(),
})

/**
 * The defaults, with what the text changes: `{"silence":{"off":true},"wrong-secret":{"count":3,"window":"1h"}}`.
 * @throws Unfit with everything that cannot be
 */
export function readThresholds(text: string): Thresholds {
  const changes = z.record(z.string(), z.unknown()).safeParse(jsonOf(text))
  if (!changes.success)
    throw new Unfit([{ holds: 'no JSON object', expected: 'one, such as {}, which leaves all rules as they come' }])
  const thresholds = new Map<RuleCode, Threshold>(
    ruleCodes.map((code) => [code, { count: rules[code].count, window: rules[code].window }]),
  )
  const reasons: Unfit['reasons'][number][] = []
  for (const [code, value] of Object.entries(changes.data)) {
    if (!isRuleCode(code)) {
      reasons.push({ holds: `a rule ${JSON.stringify(code)}`, expected: `rules among ${ruleCodes.join(', ')}` })
      continue
    }
    const read = change.safeParse(value)
    if (!read.success) {
      reasons.push(...read.error.issues.flatMap((issue) => reasonsOf(code, value, issue)))
      continue
    }
    const { off, count, window } = read.data
    if (off === true) thresholds.delete(code)
    else thresholds.set(code, { count: count ?? rules[code].count, window: window ?? rules[code].window })
  }
  if (reasons.length > 0) throw new Unfit(reasons)
  return thresholds
}

function reasonsOf(code: RuleCode, value: unknown, issue: z.core.$ZodIssue): Unfit['reasons'] {
  const members = Object.keys(change.shape).join(', ')
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      holds: `${JSON.stringify(key)} for the rule ${code}`,
      expected: `nothing there but ${members}`,
    }))
  }
  const [member] = issue.path
  if (member === undefined)
    return [{ holds: `${JSON.stringify(value)} for the rule ${code}`, expected: `an object there, of ${members}` }]
  const held = JSON.stringify(Reflect.get(Object(value), member))
  return [{ holds: `the ${String(member)} ${held} for the rule ${code}`, expected: issue.message }]
}

/** The setting, read as thresholds. */
export function ofThresholds(declared: Setting<string>): Setting<Thresholds> {
  return { ...declared, read: readThresholds }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
