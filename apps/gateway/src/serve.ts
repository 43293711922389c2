import { AppendQueue } from '#libs/eventlog/index'
import { isConnectionLoss } from '#libs/postgres/index'
import { errors, responseMediaType, ScimError } from '#libs/scim/index'
import { type Answer, refused } from './answer.ts'
import { requestDecided } from './decision.ts'
import { discover, type DiscoverParts } from './discovery.ts'
import type { Operation } from './endpoints.ts'
import { list, type ListParts, search } from './listing.ts'
import type { RecordReads, RecordWrites } from './record-store.ts'
import { dryRunMark, rehearse } from './rehearsal.ts'
import { create, patch, read, remove, replace, type ResourceParts } from './resources.ts'
import { WatchedStream } from './watched-stream.ts'
import { admit, type Admitted, type Arrival, type Passage, type Placed, take, type WayInParts } from './way-in.ts'

export interface ServeParts extends WayInParts, ResourceParts, ListParts, DiscoverParts {
  readonly records: RecordReads
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
 * The record of an answer that is sent as it is read has its place in the queue before the first byte of it, and is made after the last.
 */
export function serve(arrival: Arrival, parts: ServeParts): Promise<Answer> {
  return answerTo({ arrival, steps: [], recorded: false }, parts)
}

/** The same for a captured request that an operator sends again. */
export function serveReplay(arrival: Arrival, replayOf: string, parts: ServeParts): Promise<Answer> {
  return answerTo({ arrival, replayOf, steps: [], recorded: false }, parts)
}

async function answerTo(passage: Passage, parts: ServeParts): Promise<Answer> {
  const answer = await recorded(passage, await decided(passage, parts), parts)
  parts.capture(passage)
  if (answer.body === undefined && answer.status !== 200) return answer
  const contentType = `${responseMediaType(passage.arrival.headers['accept'])}; charset=utf-8`
  return { ...answer, headers: { ...answer.headers, 'Content-Type': contentType } }
}

async function decided(passage: Passage, parts: ServeParts): Promise<Answer> {
  const { arrival } = passage
  try {
    const answer = await perform(await admit(passage, parts), parts)
    if (arrival.method !== 'HEAD' || typeof answer.body !== 'object') return answer
    // Nobody is to read it, nor to count its length.
    await answer.body.close()
    const { body: _, ...headers } = answer
    return headers
  } catch (error) {
    return refused(refusalOf(error, arrival, parts), passage.isRehearsal === true ? dryRunMark : {})
  }
}

/** The answer, once its record is in good hands; 503 when there is no room for that. */
async function recorded(passage: Passage, answer: Answer, parts: ServeParts): Promise<Answer> {
  const { body } = answer
  if (typeof body !== 'object') {
    const isKept = passage.recorded || parts.decisions.offer(requestDecided(passage, answer.outcome), passage.doubt)
    return told(passage, isKept ? answer : refused(errors.unavailable(1)), parts)
  }
  const stream = new WatchedStream(body, answer.outcome)
  const ended = stream.ended.then(({ outcome, failure }) => {
    if (failure !== undefined) parts.failed(failure, passage.arrival.traceId)
    parts.answered(passage, { ...answer, outcome })
    return requestDecided(passage, outcome)
  })
  if (passage.recorded || parts.decisions.offerLater(ended)) return { ...answer, body: stream }
  await body.close()
  return told(passage, refused(errors.unavailable(1)), parts)
}

function told(passage: Passage, answer: Answer, parts: ServeParts): Answer {
  parts.answered(passage, answer)
  return answer
}

function perform(request: Placed | Admitted, parts: ServeParts): Promise<Answer> {
  const { operation, type: name } = request.endpoint
  return take(request, 'operation', () => {
    if (!('principal' in request) || operation.startsWith('discovery.')) return discover(request, parts)
    const { User, Group } = request.principal.types
    const verb = operation.slice(operation.indexOf('.') + 1) as Verb
    const listed = name === undefined ? [User, Group] : [request.principal.types[name]]
    if (verb === 'list') return list(request, listed, parts)
    if (verb === 'search') return search(request, listed, parts)
    if (name === undefined) throw errors.internal()
    const type = request.principal.types[name]
    const act = (used: ResourceParts): Promise<Answer> => verbs[verb](request, type, used)
    return request.isRehearsal === true ? rehearse(request, parts, act) : act(parts)
  })
}

type Verb = Operation extends infer Name ? (Name extends `users.${infer V}` ? V : never) : never

const verbs = { create, read, replace, patch, delete: remove } satisfies Record<
  Exclude<Verb, 'list' | 'search'>,
  typeof read
>

/** The database being away is the one failure that a client should wait for; everything else unforeseen is a fault of ours. */
function refusalOf(error: unknown, { traceId }: Arrival, parts: ServeParts): ScimError {
  if (error instanceof ScimError) {
    return error
  }
  parts.failed(error, traceId)
  return isConnectionLoss(error) ? errors.unavailable(2) : errors.internal()
}
