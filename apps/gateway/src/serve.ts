import { AppendQueue } from '#libs/eventlog/index'
import { isConnectionLoss } from '#libs/postgres/index'
import { type Diagnosis, errors, responseMediaType, ScimError } from '#libs/scim/index'
import { type Answer, refused } from './answer.ts'
import { requestDecided } from './decision.ts'
import { discover } from './discovery.ts'
import type { Operation } from './endpoints.ts'
import type { RecordWrites } from './record-store.ts'
import { dryRunMark, rehearse } from './rehearsal.ts'
import { create, list, patch, read, remove, replace, type ResourceParts } from './resources.ts'
import { admit, type Admitted, type Arrival, type Passage, take, type WayInParts } from './way-in.ts'

export interface ServeParts extends WayInParts, ResourceParts {
  readonly writer: RecordWrites
  /** Where the records of reads and refusals wait to be written. */
  readonly decisions: AppendQueue
  /** Told of what was answered, for metrics. */
  readonly answered: (passage: Passage, answer: Answer) => void
  /** Told of what was answered, to keep what can be sent again. */
  readonly capture: (passage: Passage) => void
  readonly failed: (error: unknown, traceId: string) => void
}

/**
 * One request from arrival to answer. Exactly one record is left of it: with the write itself, or by the bounded
 * queue (which drops it should the write turn out to be stored after all); when that is full the answer is 503, whatever had been decided.
 */
export function serve(arrival: Arrival, parts: ServeParts): Promise<Answer> {
  return answerTo({ arrival, steps: [], recorded: false }, parts)
}

/** The same for a captured request that an operator sends again; the operator is also told how it was read. */
export async function serveReplay(
  arrival: Arrival,
  replayOf: string,
  parts: ServeParts,
): Promise<{ answer: Answer; diagnosis: Diagnosis | undefined }> {
  const passage: Passage = { arrival, replayOf, steps: [], recorded: false }
  const answer = await answerTo(passage, parts)
  return { answer, diagnosis: passage.diagnosis }
}

async function answerTo(passage: Passage, parts: ServeParts): Promise<Answer> {
  const { arrival } = passage
  let answer: Answer
  try {
    answer = await perform(await admit(passage, parts), parts)
  } catch (error) {
    answer = refused(refusalOf(error, arrival, parts), passage.isRehearsal === true ? dryRunMark : {})
  }
  if (!passage.recorded && !parts.decisions.offer(requestDecided(passage, answer.outcome), passage.doubt)) {
    answer = refused(errors.unavailable(1))
  }
  parts.answered(passage, answer)
  parts.capture(passage)
  const contentType = `${responseMediaType(arrival.headers['accept'], passage.diagnosis?.tolerances.plainJson)}; charset=utf-8`
  return answer.body === undefined ? answer : { ...answer, headers: { ...answer.headers, 'Content-Type': contentType } }
}

function perform(request: Admitted, parts: ServeParts): Promise<Answer> {
  const { operation, type: name } = request.endpoint
  return take(request, 'operation', () => {
    if (name === undefined) return discover(request, parts.baseUrl(request.principal.connection))
    const type = request.principal.types[name]
    const verb = operation.slice(operation.indexOf('.') + 1) as Verb
    const perform = (used: ResourceParts): Promise<Answer> => verbs[verb](request, type, used)
    return request.isRehearsal === true ? rehearse(request, parts, perform) : perform(parts)
  })
}

type Verb = Operation extends infer Name ? (Name extends `users.${infer V}` ? V : never) : never

const verbs = { list, create, read, replace, patch, delete: remove } satisfies Record<Verb, typeof list>

/** The database being away is the one failure that a client should wait for; everything else unforeseen is a fault of ours. */
function refusalOf(error: unknown, { traceId }: Arrival, parts: ServeParts): ScimError {
  if (error instanceof ScimError) {
    return error
  }
  parts.failed(error, traceId)
  return isConnectionLoss(error) ? errors.unavailable(2) : errors.internal()
}
