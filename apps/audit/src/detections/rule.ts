import type { DetectionSeverity, Environment, RequestDecided } from '#libs/events/index'

/** What an operator may set for each rule. */
export interface Threshold {
  readonly count: number
  /** Milliseconds. */
  readonly window: number
}

interface Described extends Threshold {
  readonly severity: DetectionSeverity
  /** What `count` and `window` are here. */
  readonly when: string
  readonly cause: string
  readonly fix: string
}

/** Whose a connection is, and of which environment. */
export interface Place {
  readonly tenant: string
  readonly environment: Environment
}

/** What a rule may know besides the request itself. */
export interface Surroundings {
  /** Undefined for a connection that is not known. */
  placeOf(connection: string): Place | undefined
}

/** Told when `count` requests of one subject within `window` break it, or those that show so many users and groups. */
interface Burst extends Described {
  readonly kind: 'burst'
  /**
   * Of a key or of the connection that the request belongs to, for which the address stands where it is not known; or of the connection that the
   * request is addressed to, whose owner then sees no more than that it came.
   */
  readonly of: 'key' | 'connection' | 'addressed connection'
  /** What is counted, of requests unless it says so: the users and groups that a request showed, and one for one that showed none. */
  readonly counts?: 'what was shown'
  /** Stable codes of the answers that break it. */
  readonly codes?: readonly string[]
  readonly breaks?: (decision: RequestDecided, surroundings: Surroundings) => boolean
}

/** Told of a key by the networks that it is used from, by its being used after it was to be replaced, or of a connection by its silence. */
interface Habit extends Described {
  readonly kind: 'new network' | 'several networks' | 'retiring' | 'silence'
}

export type Rule = Burst | Habit

/** Whether a request breaks a rule by itself. */
export function breaks({ codes, breaks: also }: Burst, decision: RequestDecided, surroundings: Surroundings): boolean {
  if (codes !== undefined && (decision.code === null || !codes.includes(decision.code))) return false
  return also === undefined ? codes !== undefined : also(decision, surroundings)
}
