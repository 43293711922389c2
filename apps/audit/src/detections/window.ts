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
  /** The most that one window holds which one of the new requests is in. */
  readonly total: number
  /** The first time in it. */
  readonly first: number
}

/** So many requests at a time in milliseconds. */
export interface Came {
  readonly at: number
  readonly count: number
}

/**
 * Adds requests, in whatever order they come, and tells whether a window that holds one of them reaches the threshold. What is within 11/12 of the
 * window is always counted together, what is a window apart never. What is more than two windows before the latest is passed over.
 */
export function count(
  before: Counted | undefined,
  came: readonly Came[],
  threshold: Threshold,
): { readonly after: Counted; readonly reached: Reached | undefined } {
  const width = Math.max(1, Math.ceil(threshold.window / parts))
  const known = new Map<number, readonly [count: number, first: number]>(
    before?.width === width ? before.parts.map(([part, number, first]) => [part, [number, first]]) : [],
  )
  const touched = new Set<number>()
  for (const { at, count: more } of came) {
    const part = Math.floor(at / width)
    const [number, first] = known.get(part) ?? [0, at]
    known.set(part, [number + more, Math.min(first, at)])
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
