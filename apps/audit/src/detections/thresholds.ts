import { z } from 'zod'
import { parseDuration } from '#libs/configuration/index'
import type { Threshold } from './rule.ts'
import { isRuleCode, ruleCodes, type RuleCode, rules } from './rules.ts'

/** Of the rules that are on. */
export type Thresholds = ReadonlyMap<RuleCode, Threshold>

/** What LATCHKEY_DETECTIONS holds cannot be; the message says why. */
export class UnfitThresholds extends Error {
  override readonly name = 'UnfitThresholds'
}

const longestWindow = 400 * 24 * 60 * 60 * 1000

const change = z.strictObject({
  off: z.boolean().optional(),
  count: z.int().min(1).max(1_000_000_000).optional(),
  window: z
    .string()
    .transform((text) => parseDuration(text) ?? Number.NaN)
    .refine((length) => length >= 1_000 && length <= longestWindow, 'is not a duration from 1s to 400d')
    .optional(),
})

/**
 * The defaults, with what the text changes: `{"silence":{"off":true},"wrong-secret":{"count":3,"window":"1h"}}`.
 * @throws UnfitThresholds that names the rule
 */
export function readThresholds(text: string): Thresholds {
  const changes = z.record(z.string(), z.unknown()).safeParse(jsonOf(text))
  if (!changes.success)
    throw new UnfitThresholds('LATCHKEY_DETECTIONS is no JSON object. Write {} to have all rules as they come.')
  const thresholds = new Map<RuleCode, Threshold>(
    ruleCodes.map((code) => [code, { count: rules[code].count, window: rules[code].window }]),
  )
  for (const [code, value] of Object.entries(changes.data)) {
    if (!isRuleCode(code)) {
      throw new UnfitThresholds(
        `LATCHKEY_DETECTIONS names a rule ${JSON.stringify(code)}, and there is none. Use one of ${ruleCodes.join(', ')}.`,
      )
    }
    const read = change.safeParse(value)
    if (!read.success) {
      throw new UnfitThresholds(
        `LATCHKEY_DETECTIONS sets the rule ${code} to what cannot be. Give it count (a whole number from 1), window (such as 10m, from 1s to 400d), or off (true).`,
      )
    }
    const { off, count, window } = read.data
    if (off === true) thresholds.delete(code)
    else thresholds.set(code, { count: count ?? rules[code].count, window: window ?? rules[code].window })
  }
  return thresholds
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
