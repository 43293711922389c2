import { isId, newId } from '#libs/events/index'
import {
  errors,
  namesPatched,
  namesSent,
  namesVersion,
  parsePatch,
  parseProjection,
  type Projection,
  readResource,
  readSearch,
  renderVersion,
  reportUnknownNames,
  type ResourceType,
  ScimError,
  splitPatch,
  withSent,
} from '#libs/scim/index'
import { type AdoptBy, adoptByFor } from './adoption.ts'
import { accepted, type Answer, type Outcome, type TextStream } from './answer.ts'
import type { ConcludeParts } from './conclude.ts'
import { requestDecided } from './decision.ts'
import { noEdit, replacement } from './membership.ts'
import type { Command, Precondition } from './provisioning.ts'
import { locationOf, represent } from './representation.ts'
import type { LookedUpRecords, StoredText, WriteRequest, Writes, Written } from './record-store.ts'
import { show, type ShowParts, showWritten } from './show.ts'
import type { Admitted } from './way-in.ts'

export interface ResourceParts extends Pick<ConcludeParts, 'failed'> {
  readonly records: ShowParts['records']
  readonly writer: Writes
  readonly baseUrl: (connection: string) => string
}

/** A PATCH of a group with more members than this answers 204: the change must not cost what the group costs. */
const mostMembersAnswered = 1_000

/**
 * RFC 7644 section 3.3. 201 with the whole resource, Location and ETag; 409 when the userName is taken. Where the connection adopts
 * users that are there, 201 with the one that is.
 */
export async function create(request: Admitted, type: ResourceType, parts: ResourceParts): Promise<Answer> {
  const id = newId(request.arrival.receivedAt.getTime())
  return write(creation(request, type, id, adoptByFor(type, request.principal)), parts)
}

/** One of several resources that refer to each other by ids that were given out before. */
export interface Creation {
  readonly request: Admitted
  readonly type: ResourceType
  readonly id: string
}

/**
 * Creates all of them or none, and adopts nobody, who would have another id. Those that are not there to be created, because something was wrong with them already, are undefined.
 * Each has an answer of its own; of the others' it is `brokenCircle`.
 */
export async function createTogether(
  creations: readonly (Creation | undefined)[],
  parts: ResourceParts,
): Promise<PromiseSettledResult<Answer>[]> {
  const changes = await Promise.allSettled(
    creations.map(async (one) => {
      if (one === undefined) throw errors.brokenCircle([])
      return creation(one.request, one.type, one.id, [])
    }),
  )
  const sound = changes.flatMap((change) => (change.status === 'fulfilled' ? [change.value] : []))
  const outcomes = sound.length < changes.length ? [] : await parts.writer.writeTogether(sound.map(writeRequestOf))
  return Promise.allSettled(
    changes.map(async (change, index) => {
      if (change.status === 'rejected') throw change.reason
      const outcome = outcomes[index] ?? errors.brokenCircle([])
      if (outcome instanceof ScimError) throw outcome
      return answerOf(change.value, outcome, parts)
    }),
  )
}

function creation(request: Admitted, type: ResourceType, id: string, adoptBy: AdoptBy): Change {
  const projection = projectionOf(request, type)
  const { resource, members } = readResource(type, request.body, request.diagnosis)
  const command: Command = {
    kind: 'create',
    id,
    document: resource,
    members: members === undefined ? noEdit : replacement(members),
    adoptBy,
    diagnosis: request.diagnosis,
  }
  return { request, type, command, reply: { status: 201, projection } }
}

/**
 * RFC 7644 section 3.5.1. 200 with the whole resource; never creates one. 204 (RFC 9110 section 9.3.4) where it was written and its members
 * or groups cannot be read at the moment: a resource without them would say that it has none.
 */
export async function replace(request: Admitted, type: ResourceType, parts: ResourceParts): Promise<Answer> {
  const projection = projectionOf(request, type)
  const { resource, members } = readResource(type, request.body, request.diagnosis)
  const edit = type.name === 'Group' ? replacement(members ?? []) : noEdit
  const command: Command = {
    kind: 'replace',
    id: idOf(request),
    document: resource,
    members: edit,
    precondition: preconditionOf(request),
  }
  return write({ request, type, command, reply: { status: 200, projection } }, parts)
}

/**
 * RFC 7644 section 3.5.2. 200 with the whole resource; 204 for a group of very many members, where the connection asks for
 * it, and where members or groups cannot be read, as for `replace`. All operations or none.
 */
export async function patch(request: Admitted, type: ResourceType, parts: ResourceParts): Promise<Answer> {
  const projection = projectionOf(request, type)
  const { diagnosis } = request
  const operations = parsePatch(request.body, diagnosis, { insideBulk: request.within !== undefined })
  const split = type.name === 'Group' ? splitPatch(operations, diagnosis) : { document: operations, membership: [] }
  const id = idOf(request)
  const command: Command = {
    kind: 'patch',
    id,
    operations: split.document,
    membership: split.membership,
    diagnosis,
    precondition: preconditionOf(request),
  }
  const status = (await answersNothing(request, type, id, parts.records)) ? 204 : 200
  return write({ request, type, command, reply: { status, projection } }, parts)
}

/** RFC 7644 section 3.6. 204; what is deleted leaves its groups. */
export async function remove(request: Admitted, type: ResourceType, parts: ResourceParts): Promise<Answer> {
  const command: Command = { kind: 'delete', id: idOf(request), precondition: preconditionOf(request) }
  return write({ request, type, command, reply: { status: 204, projection: { kind: 'default' } } }, parts)
}

/** RFC 7644 section 3.4.1; 304 when If-None-Match names the version (section 3.14), 412 when If-Match does not (RFC 9110 section 13.1.1). */
export async function read(request: Admitted, type: ResourceType, parts: ResourceParts): Promise<Answer> {
  const { connection } = request.principal
  const id = idOf(request)
  const projection = projectionOf(request, type)
  const stored = isId(id) ? await parts.records.find(type, connection, id) : undefined
  if (stored === undefined) throw errors.notFound(type.name, id)
  const headersOf = ({ version }: StoredText) => ({
    ETag: renderVersion(version),
    'Content-Location': locationOf(parts.baseUrl(connection), type, id),
  })
  const subject = { kind: type.name, id }
  const { 'if-match': wanted, 'if-none-match': known } = request.arrival.headers
  if (wanted !== undefined && !namesVersion(wanted, renderVersion(stored.version)))
    throw errors.preconditionFailed('If-Match')
  if (known !== undefined && namesVersion(known, renderVersion(stored.version))) {
    return { status: 304, headers: headersOf(stored), outcome: accepted(304, { subject }) }
  }
  const shown = await show(type, connection, stored, projection, parts)
  return { status: 200, headers: headersOf(shown.record), body: shown.body, outcome: accepted(200, { subject }) }
}

/** What a request wants written, and how it is to be answered. */
interface Change {
  readonly request: Admitted
  readonly type: ResourceType
  readonly command: Command
  readonly reply: Reply
}

interface Reply {
  readonly status: 200 | 201 | 204
  readonly projection: Projection
}

/** Writes the command together with the request's record, then shows what came of it. */
async function write(change: Change, parts: ResourceParts): Promise<Answer> {
  return answerOf(change, await parts.writer.write(writeRequestOf(change)), parts)
}

function writeRequestOf(change: Change): WriteRequest {
  const { request, type, command } = change
  const { arrival, principal } = request
  const began = performance.now()
  return {
    type,
    command,
    principal,
    occasion: { time: arrival.receivedAt, traceparent: arrival.traceparent },
    ...(request.guard === undefined ? {} : { guard: request.guard }),
    decided: (written) => {
      const microseconds = Math.round((performance.now() - began) * 1000)
      const steps = [...request.steps, { step: 'operation', decision: 'passed' as const, microseconds }]
      return requestDecided({ ...request, steps }, outcomeOf(change, written))
    },
    inDoubt: (doubt) => (request.doubt = doubt),
  }
}

function outcomeOf({ type, reply }: Change, written: Written): Outcome {
  return accepted(reply.status, {
    subject: { kind: type.name, id: written.id },
    changed: written.changed,
    events: written.events.map((event) => event.id),
    takesAway: written.events.some(({ name }) => name === 'user.deactivated' || name === 'user.deprovisioned'),
  })
}

async function answerOf(change: Change, written: Written, parts: ResourceParts): Promise<Answer> {
  const { request, type, command, reply } = change
  const { principal } = request
  const base = parts.baseUrl(principal.connection)
  request.recorded = true
  const outcome = outcomeOf(change, written)
  if (command.kind === 'delete') return { status: 204, headers: {}, outcome }
  const location = locationOf(base, type, written.id)
  const headers = { ETag: renderVersion(written.version), Location: location }
  // A bulk response need not show what was written (RFC 7644 section 3.7).
  if (reply.status === 204 || request.within !== undefined) return { status: reply.status, headers, outcome }
  const projection = withSent(type, reply.projection, () => namesIn(change))
  const body = await shownOf(change, written, projection, parts)
  if (body === undefined) return { status: 204, headers, outcome: { ...outcome, status: 204 } }
  return { status: reply.status, headers: { ...headers, 'Content-Location': location }, body, outcome }
}

/**
 * Undefined where it is written and cannot be shown. What was created is shown all the same, since its client needs the id: with the members
 * that were sent, and an adopted user without groups.
 */
async function shownOf(
  { request, type, command }: Change,
  written: Written,
  projection: Projection,
  parts: ResourceParts,
): Promise<string | TextStream | undefined> {
  const { connection } = request.principal
  const base = parts.baseUrl(connection)
  if (written.before === undefined && type.name === 'User') {
    return represent(type, base, written, written.document, projection)
  }
  try {
    return await showWritten(type, connection, written, projection, parts)
  } catch (error) {
    // Nothing is written then, and the refusal is true.
    if (request.isRehearsal === true) throw error
    parts.failed(error, request.arrival.traceId)
    if (command.kind !== 'create') return undefined
    const members = [...command.members.add].map((value) => ({ value, kind: null, display: null }))
    return represent(type, base, { ...written, members }, written.document, projection)
  }
}

/** The attributes that the request sent. */
function namesIn({ request, type, command }: Change): string[] {
  return command.kind === 'patch' ? namesPatched(type, command.operations) : namesSent(type, request.body)
}

/** Never where the client named what it wants to see (RFC 7644 section 3.5.2 then wants an answer). */
async function answersNothing(
  { arrival, principal }: Admitted,
  type: ResourceType,
  id: string,
  records: LookedUpRecords,
): Promise<boolean> {
  if (arrival.query.get('attributes')) return false
  if (principal.settings.patchAnswer === 'none') return true
  if (type.name !== 'Group' || !isId(id) || arrival.query.get('excludedAttributes')) return false
  return records.hasMoreMembersThan(principal.connection, id, mostMembersAnswered)
}

function projectionOf({ arrival: { query }, diagnosis }: Admitted, type: ResourceType): Projection {
  const { attributes, excludedAttributes } = readSearch(query)
  const projection = parseProjection(type, { attributes, excludedAttributes })
  reportUnknownNames([type], { attributes, excludedAttributes }, diagnosis, (parameter) => `?${parameter}`)
  return projection
}

function idOf(request: Admitted): string {
  if (request.resourceId === undefined) throw errors.internal()
  return request.resourceId
}

function preconditionOf({ arrival: { headers } }: Admitted): Precondition {
  return { ifMatch: headers['if-match'], ifNoneMatch: headers['if-none-match'] }
}
