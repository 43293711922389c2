import type { Threshold } from './rule.ts'

/** When a connection was heard of last, and the longest pause that ended on each of its last days with traffic. */
export interface Traffic {
  readonly last: number
  readonly pauses: readonly (readonly [day: number, longest: number])[]
  /** The silence since `last` has been told. */
  readonly told?: boolean
}

const dayLength = 24 * 60 * 60 * 1000
const daysKept = 7
/** What is usual is not known before. */
const daysNeeded = 3

/** What is known after requests at these times; those before the last one heard tell nothing of pauses. */
export function hear(before: Traffic | undefined, times: readonly number[]): Traffic {
  const [first = 0, ...others] = [...times].sort((one, other) => one - other)
  let traffic: Traffic = before ?? { last: first, pauses: [] }
  for (const time of before === undefined ? others : [first, ...others]) {
    if (time <= traffic.last) continue
    traffic = { last: time, pauses: withPause(traffic.pauses, Math.floor(time / dayLength), time - traffic.last) }
  }
  return traffic
}

function withPause(pauses: Traffic['pauses'], day: number, pause: number): Traffic['pauses'] {
  const longest = new Map(pauses)
  if ((longest.get(day) ?? -1) >= pause) return pauses
  longest.set(day, pause)
  return [...longest].sort(([one], [other]) => one - other).slice(-daysKept)
}

/** When silence becomes more than usual; undefined while it is not known what is usual, and once it was told. */
export function dueAt({ last, pauses, told }: Traffic, { count, window }: Threshold): number | undefined {
  if (told === true || pauses.length < daysNeeded) return undefined
  return last + Math.max(window, count * Math.max(...pauses.map(([, longest]) => longest)))
}
