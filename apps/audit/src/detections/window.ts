import type { Threshold } from './rule.ts'

/** A window is measured in so many parts. */
const parts = 12

/** How many requests broke a rule when, by parts of its window. */
export interface Counted {
  /** Milliseconds of a part. */
  readonly width: number
  readonly parts: readonly (readonly [part: number, count: number, first: number])[]
}

export interface Reached {
  /** The most that one window holds which one of the new times is in. */
  readonly total: number
  /** The first time in it. */
  readonly first: number
}

/**
 * Adds times, in whatever order they come, and tells whether a window that holds one of them reaches the threshold. What is within 11/12 of the
 * window is always counted together, what is a window apart never. Times more than two windows before the latest are passed over.
 */
export function count(
  before: Counted | undefined,
  times: readonly number[],
  threshold: Threshold,
): { readonly after: Counted; readonly reached: Reached | undefined } {
  const width = Math.max(1, Math.ceil(threshold.window / parts))
  const known = new Map<number, readonly [count: number, first: number]>(
    before?.width === width ? before.parts.map(([part, number, first]) => [part, [number, first]]) : [],
  )
  const touched = new Set<number>()
  for (const time of times) {
    const part = Math.floor(time / width)
    const [number, first] = known.get(part) ?? [0, time]
    known.set(part, [number + 1, Math.min(first, time)])
    touched.add(part)
  }
  const latest = Math.max(...known.keys())
  const kept = [...known].filter(([part]) => part > latest - 2 * parts).sort(([one], [other]) => one - other)
  let reached: Reached | undefined
  for (const [end] of kept) {
    const within = kept.filter(([part]) => part <= end && part > end - parts)
    const total = within.reduce((sum, [, [number]]) => sum + number, 0)
    if (total < threshold.count || total <= (reached?.total ?? 0)) continue
    if (within.some(([part]) => touched.has(part))) reached = { total, first: within[0]?.[1][1] ?? 0 }
  }
  return { after: { width, parts: kept.map(([part, [number, first]]) => [part, number, first]) }, reached }
}
