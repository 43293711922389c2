const milliseconds: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/**
 * Milliseconds of a duration in words: a whole number and one of ms, s, m, h, d ("250ms", "30d").
 * Undefined when the text is not one, or is longer than a number can count exactly.
 */
export function parseDuration(text: string): number | undefined {
  const [, amount, unit] = /^(\d{1,15})(ms|s|m|h|d)$/.exec(text.trim()) ?? []
  if (amount === undefined || unit === undefined) return undefined
  const duration = Number(amount) * (milliseconds[unit] ?? Number.NaN)
  return Number.isSafeInteger(duration) ? duration : undefined
}
