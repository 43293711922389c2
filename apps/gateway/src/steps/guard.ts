import { rulesOf } from '../deprovisioning.ts'
import { writes } from '../endpoints.ts'
import type { Passage, Skipped } from '../way-in.ts'

/**
 * By which rules deactivations and deletions are counted. What a request takes away is known when it is decided, so the count is kept, and a
 * refusal spoken, in the transaction of the write; it is recorded as one of this step. What takes nothing away, and a connection that is not
 * guarded, are not counted.
 */
export function guard(passage: Passage): void | Skipped {
  const { connection: known, endpoint, isRehearsal } = passage
  if (known === undefined || endpoint === undefined || isRehearsal === true || !writes(endpoint)) return 'skipped'
  const rules = rulesOf(known)
  if (rules === undefined) return 'skipped'
  passage.guard = rules
}
