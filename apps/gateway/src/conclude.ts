import { readAddress } from '#libs/addresses/index'
import type { AppendQueue } from '#libs/eventlog/index'
import type { AnyEvent } from '#libs/events/index'
import { isConnectionLoss } from '#libs/postgres/index'
import { errors, ScimError } from '#libs/scim/index'
import { type Answer, refused } from './answer.ts'
import { requestDecided } from './decision.ts'
import type { FirstUses } from './first-uses.ts'
import { asOneOfMany } from './rates.ts'
import { dryRunMark } from './rehearsal.ts'
import { WatchedStream } from './watched-stream.ts'
import type { Arrival, Passage, WayInParts } from './way-in.ts'

export interface ConcludeParts {
  /** Where the records of reads and refusals wait to be written. */
  readonly decisions: AppendQueue
  readonly firstUses: Pick<FirstUses, 'mayBeFirst' | 'stored'>
  readonly rates: WayInParts['rates']
  /** Told of what is answered, for metrics; what it gives is told when that is sent. */
  readonly answered: (passage: Passage, answer: Answer) => () => void
  readonly failed: (error: unknown, traceId: string) => void
}

/**
 * Whatever comes of the work is an answer. Exactly one record is left of it: with the write itself, or by the bounded
 * queue (which drops it should the write turn out to be stored after all); when that is full the answer is 503, whatever had been decided.
 * Of requests that are refused as too many, or so often that these would be, one a second leaves a record, which counts the others, and each is to be sent in its turn.
 * The record of an answer that is sent as it is read has its place in the queue before the first byte of it, and is made after the last.
 * The first use of a key is stored before it is answered, or before the end of the answer where that is sent as it is read.
 */
export async function conclude(passage: Passage, work: () => Promise<Answer>, parts: ConcludeParts): Promise<Answer> {
  return recorded(passage, await decided(passage, work, parts), parts)
}

async function decided(passage: Passage, work: () => Promise<Answer>, parts: ConcludeParts): Promise<Answer> {
  try {
    const answer = await work()
    const isRead = passage.arrival.method !== 'HEAD' && passage.replayOf === undefined
    if (isRead || typeof answer.body !== 'object') return answer
    // Nobody is to read it, nor to count its length; and who sends a request again is shown no more than can be held.
    await answer.body.close()
    const { body: _, ...headers } = answer
    return headers
  } catch (error) {
    await countUnrated(passage, parts)
    return refused(refusalOf(error, passage.arrival, parts), passage.isRehearsal === true ? dryRunMark : {})
  }
}

/** What was refused before the step `rate` counted it counts for its network: each is answered as it is, but a flood of them leaves few records. */
async function countUnrated(passage: Passage, { rates }: Pick<ConcludeParts, 'rates'>): Promise<void> {
  const { arrival, steps, within, replayOf } = passage
  if (within !== undefined || replayOf !== undefined || steps.some(({ step }) => step === 'rate')) return
  const refusal = await rates.failed(arrival.caller.address ?? readAddress(arrival.caller.text))
  if (refusal !== undefined) asOneOfMany(passage, refusal)
}

async function recorded(passage: Passage, answer: Answer, parts: ConcludeParts): Promise<Answer> {
  if (passage.alike === 'left out') return told(passage, answer, parts)
  const { body } = answer
  if (typeof body !== 'object') {
    const isKept = passage.recorded || (await isRecorded(passage, requestDecided(passage, answer.outcome), parts))
    return told(passage, isKept ? answer : refused(errors.unavailable(1)), parts)
  }
  const stream = new WatchedStream(body, answer.outcome)
  const ended = stream.ended.then(({ outcome, failure }) => {
    if (failure !== undefined) parts.failed(failure, passage.arrival.traceId)
    parts.answered(passage, { ...answer, outcome })()
    return requestDecided(passage, outcome)
  })
  if (passage.recorded) return { ...answer, body: stream }
  if (parts.decisions.offerLater(ended)) {
    const { key } = passage
    if (key !== undefined && parts.firstUses.mayBeFirst(key)) {
      stream.beforeEnd(async () => parts.firstUses.stored(key, await ended))
    }
    return { ...answer, body: stream }
  }
  await body.close()
  return told(passage, refused(errors.unavailable(1)), parts)
}

async function isRecorded({ doubt, key }: Passage, record: AnyEvent, parts: ConcludeParts): Promise<boolean> {
  if (!parts.decisions.offer(record, doubt)) return false
  if (doubt === undefined && key !== undefined) await parts.firstUses.stored(key, record)
  return true
}

function told(passage: Passage, answer: Answer, parts: ConcludeParts): Answer {
  const sent = parts.answered(passage, answer)
  const { turn } = passage
  if (turn !== undefined) return { ...answer, turn: () => turn().then(sent) }
  sent()
  return answer
}

/** The database being away is the one failure that a client should wait for; everything else unforeseen is a fault of ours. */
function refusalOf(error: unknown, { traceId }: Arrival, parts: ConcludeParts): ScimError {
  if (error instanceof ScimError) return error
  parts.failed(error, traceId)
  return isConnectionLoss(error) ? errors.unavailable(2) : errors.internal()
}
