import type { AppendQueue } from '#libs/eventlog/index'
import { isConnectionLoss } from '#libs/postgres/index'
import { errors, ScimError } from '#libs/scim/index'
import { type Answer, refused } from './answer.ts'
import { requestDecided } from './decision.ts'
import { dryRunMark } from './rehearsal.ts'
import type { Arrival, Passage } from './way-in.ts'

export interface ConcludeParts {
  /** Where the records of reads and refusals wait to be written. */
  readonly decisions: AppendQueue
  /** Told of what was answered, for metrics. */
  readonly answered: (passage: Passage, answer: Answer) => void
  readonly failed: (error: unknown, traceId: string) => void
}

/**
 * Whatever comes of the work is an answer. Exactly one record is left of it: with the write itself, or by the bounded
 * queue (which drops it should the write turn out to be stored after all); when that is full the answer is 503, whatever had been decided.
 */
export async function conclude(passage: Passage, work: () => Promise<Answer>, parts: ConcludeParts): Promise<Answer> {
  let answer: Answer
  try {
    answer = await work()
  } catch (error) {
    answer = refused(refusalOf(error, passage.arrival, parts), passage.isRehearsal === true ? dryRunMark : {})
  }
  if (!passage.recorded && !parts.decisions.offer(requestDecided(passage, answer.outcome), passage.doubt)) {
    answer = refused(errors.unavailable(1))
  }
  parts.answered(passage, answer)
  return answer
}

/** The database being away is the one failure that a client should wait for; everything else unforeseen is a fault of ours. */
function refusalOf(error: unknown, { traceId }: Arrival, parts: ConcludeParts): ScimError {
  if (error instanceof ScimError) return error
  parts.failed(error, traceId)
  return isConnectionLoss(error) ? errors.unavailable(2) : errors.internal()
}
