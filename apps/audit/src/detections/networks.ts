import type { Threshold } from './rule.ts'

/** When a key was first and last used from each network. */
export type Networks = Readonly<Record<string, readonly [first: number, last: number]>>

export interface Use {
  readonly network: string
  readonly at: number
}

/** A key is remembered with the networks it was used from last, so many of them. */
const most = 64

/** What is known after these uses. */
export function remember(before: Networks, uses: readonly Use[]): Networks {
  const after = new Map(Object.entries(before))
  for (const { network, at } of uses) {
    const [first, last] = after.get(network) ?? [at, at]
    after.set(network, [Math.min(first, at), Math.max(last, at)])
  }
  const entries = [...after].sort(([, [, one]], [, [, other]]) => other - one)
  return Object.fromEntries(entries.slice(0, most))
}

/** Those of the uses from a network that is new to a key which is known from `count` others. Give them in the order of their times. */
export function fromNewNetworks(before: Networks, uses: readonly Use[], { count, window }: Threshold): Use[] {
  const known = new Map(Object.entries(before))
  const found = new Set<string>()
  for (const { network, at } of uses) {
    const [, last] = known.get(network) ?? [0, -Infinity]
    if (at - last > window) {
      const others = [...known].filter(([other, [, seen]]) => other !== network && Math.abs(at - seen) <= window)
      if (others.length >= count) found.add(network)
    }
    known.set(network, [at, Math.max(at, last)])
  }
  return uses.filter(({ network }) => found.has(network))
}

/** Those of the uses that stand with uses from other networks within the window, so that `count` networks are. */
export function fromSeveralNetworks(before: Networks, uses: readonly Use[], { count, window }: Threshold): Use[] {
  const seen = [
    ...Object.entries(before).flatMap(([network, times]) => times.map((at): Use => ({ network, at }))),
    ...outermost(uses),
  ]
  if (networksIn(seen) < count) return []
  return uses.filter(({ at }) => {
    const near = seen.filter((other) => Math.abs(other.at - at) <= window)
    return networksIn(near) >= count
  })
}

function networksIn(uses: readonly Use[]): number {
  return new Set(uses.map(({ network }) => network)).size
}

/** The first and last use from each network in each minute: enough to tell which are near each other. */
function outermost(uses: readonly Use[]): Use[] {
  const bounds = new Map<string, readonly [Use, Use]>()
  for (const use of uses) {
    const key = `${use.network} ${Math.floor(use.at / 60_000)}`
    const [first, last] = bounds.get(key) ?? [use, use]
    bounds.set(key, [use.at < first.at ? use : first, use.at > last.at ? use : last])
  }
  return [...bounds.values()].flat()
}
