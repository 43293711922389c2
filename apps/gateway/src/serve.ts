import { type Diagnosis, errors, responseMediaType } from '#libs/scim/index'
import type { Answer } from './answer.ts'
import { bulk } from './bulk.ts'
import { conclude, type ConcludeParts } from './conclude.ts'
import { discover, type DiscoverParts } from './discovery.ts'
import { list, type ListParts, search } from './listing.ts'
import type { RecordReads, RecordWrites } from './record-store.ts'
import { rehearse } from './rehearsal.ts'
import { create, patch, read, remove, replace, type ResourceParts } from './resources.ts'
import { admit, type Admitted, type Arrival, type Passage, type Placed, take, type WayInParts } from './way-in.ts'

export interface ServeParts extends WayInParts, ResourceParts, ListParts, DiscoverParts, ConcludeParts {
  readonly records: RecordReads
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
  const answer = await conclude(passage, async () => perform(await admit(passage, parts), parts), parts)
  parts.capture(passage)
  if (answer.body === undefined && answer.status !== 200) return answer
  const { accept } = passage.arrival.headers
  const contentType = `${responseMediaType(accept, passage.diagnosis?.tolerances.plainJson)}; charset=utf-8`
  return { ...answer, headers: { ...answer.headers, 'Content-Type': contentType } }
}

function perform(request: Placed | Admitted, parts: ServeParts): Promise<Answer> {
  const { endpoint } = request
  return take(request, 'operation', () => {
    if (!('principal' in request) || endpoint.noun === 'discovery') return discover(request, parts)
    const { User, Group } = request.principal.types
    const { verb, type: name } = endpoint
    const listed = name === undefined ? [User, Group] : [request.principal.types[name]]
    if (verb === 'list') return list(request, listed, parts)
    if (verb === 'search') return search(request, listed, parts)
    const act = (used: ResourceParts): Promise<Answer> => {
      if (verb === 'run') return bulk(request, { ...parts, ...used })
      if (name === undefined) throw errors.internal()
      return verbs[verb](request, request.principal.types[name], used)
    }
    return request.isRehearsal === true ? rehearse(request, parts, act) : act(parts)
  })
}

const verbs = { create, read, replace, patch, delete: remove }
