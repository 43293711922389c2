import { rulesOf } from '../deprovisioning.ts'
import type { Passage } from '../way-in.ts'

/**
 * By which rules deactivations and deletions are counted. What a request takes away is known when it is decided, so the count is kept, and a
 * refusal spoken, in the transaction of the write; it is recorded as one of this step.
 */
export function guard(passage: Passage): void {
  const { connection: known } = passage
  // A rehearsal takes nothing away.
  if (known === undefined || passage.isRehearsal === true) return
  const rules = rulesOf(known)
  if (rules !== undefined) passage.guard = rules
}
