import type { FollowerState } from '#libs/eventlog/index'
import type { Logger } from '#libs/telemetry/index'
import { every, type Repeating } from '#libs/timing/index'

export interface StalledOptions {
  readonly group: string
  readonly state: () => FollowerState | undefined
  /** While Kafka is away, its own lines tell of that. */
  readonly isKafkaThere: () => boolean
  readonly logger: Logger
}

/** A follower that does not follow although Kafka answers, told on the log. */
export interface Stalled extends Repeating {
  /** What keeps it from following: the last one is the reason in the next line. */
  failed(error: unknown): void
}

const lookEvery = 1_000
/** Looks that find it so, between two lines: members that come and go hold up a group for some seconds. */
const tellAfter = 15

export function tellOfStalled({ group, state, isKafkaThere, logger }: StalledOptions): Stalled {
  let looks = 0
  let reason: unknown
  const look = (): void => {
    if (state() !== 'stalled') {
      looks = 0
      reason = undefined
    } else if (isKafkaThere() && ++looks % tellAfter === 0) {
      const fields = { group, seconds: looks, ...(reason === undefined ? {} : { err: reason }) }
      logger.warn(fields, `following as ${group} is stalled, though Kafka answers; it is tried again by itself`)
    }
  }
  const looking = every(lookEvery, look, (error) => logger.error({ err: error }, 'the look at a follower failed'))
  return {
    failed: (error) => (reason = error),
    end: () => looking.end(),
  }
}
