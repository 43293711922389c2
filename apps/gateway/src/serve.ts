import { type Diagnosis, responseMediaType } from '#libs/scim/index'
import type { Answer } from './answer.ts'
import { bulk } from './bulk.ts'
import { conclude, type ConcludeParts } from './conclude.ts'
import { discover } from './discovery.ts'
import type { Operation } from './endpoints.ts'
import type { RecordWrites } from './record-store.ts'
import { rehearse } from './rehearsal.ts'
import { create, list, patch, read, remove, replace, type ResourceParts } from './resources.ts'
import { admit, type Admitted, type Arrival, type Passage, take, type WayInParts } from './way-in.ts'

export interface ServeParts extends WayInParts, ResourceParts, ConcludeParts {
  readonly writer: RecordWrites
  /** Told of what was answered, to keep what can be sent again. */
  readonly capture: (passage: Passage) => void
}

/** One request from arrival to answer. */
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
  const answer = await conclude(passage, async () => perform(await admit(passage, parts), parts), parts)
  parts.capture(passage)
  const contentType = `${responseMediaType(arrival.headers['accept'], passage.diagnosis?.tolerances.plainJson)}; charset=utf-8`
  return answer.body === undefined ? answer : { ...answer, headers: { ...answer.headers, 'Content-Type': contentType } }
}

function perform(request: Admitted, parts: ServeParts): Promise<Answer> {
  const { operation, type: name } = request.endpoint
  return take(request, 'operation', () => {
    if (name === undefined && operation !== 'bulk.run') return discover(request, parts)
    const perform = (used: ResourceParts): Promise<Answer> =>
      name === undefined
        ? bulk(request, { ...parts, ...used })
        : verbs[operation.slice(operation.indexOf('.') + 1) as Verb](request, request.principal.types[name], used)
    return request.isRehearsal === true ? rehearse(request, parts, perform) : perform(parts)
  })
}

type Verb = Operation extends infer Name ? (Name extends `users.${infer V}` ? V : never) : never

const verbs = { list, create, read, replace, patch, delete: remove } satisfies Record<Verb, typeof list>
