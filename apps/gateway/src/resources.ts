import { newId } from '#libs/events/index'
import {
  type Deviation,
  errors,
  namesVersion,
  parsePatch,
  parseProjection,
  type Projection,
  readResource,
  renderVersion,
  type ResourceType,
  splitPatch,
} from '#libs/scim/index'
import { accepted, type Answer } from './answer.ts'
import { requestDecided } from './decision.ts'
import { noEdit, replacement } from './membership.ts'
import type { Command } from './provisioning.ts'
import { locationOf, represent } from './representation.ts'
import { isId } from './record.ts'
import type { LookedUpRecords, RecordWrites, StoredText, Written } from './record-store.ts'
import { show, type ShowParts, showWritten } from './show.ts'
import type { Admitted } from './way-in.ts'

export interface ResourceParts {
  readonly records: ShowParts['records']
  readonly writer: Pick<RecordWrites, 'write'>
  readonly baseUrl: (connection: string) => string
}

/** A PATCH of a group with more members than this answers 204: the change must not cost what the group costs. */
const mostMembersAnswered = 1_000

/** RFC 7644 section 3.3. 201 with the whole resource, Location and ETag; 409 when the userName is taken. */
export async function create(request: Admitted, type: ResourceType, parts: ResourceParts): Promise<Answer> {
  const projection = projectionOf(request, type)
  const { resource, members, deviations } = readResource(type, request.body)
  const id = newId(request.arrival.receivedAt.getTime())
  const command: Command = {
    kind: 'create',
    id,
    document: resource,
    members: members === undefined ? noEdit : replacement(members),
  }
  return write(request, type, command, { status: 201, deviations, projection }, parts)
}

/** RFC 7644 section 3.5.1. 200 with the whole resource; never creates one. */
export async function replace(request: Admitted, type: ResourceType, parts: ResourceParts): Promise<Answer> {
  const projection = projectionOf(request, type)
  const { resource, members, deviations } = readResource(type, request.body)
  const edit = type.name === 'Group' ? replacement(members ?? []) : noEdit
  const command: Command = {
    kind: 'replace',
    id: idOf(request),
    document: resource,
    members: edit,
    precondition: request.arrival.headers['if-match'],
  }
  return write(request, type, command, { status: 200, deviations, projection }, parts)
}

/**
 * RFC 7644 section 3.5.2. 200 with the whole resource; 204 for a group of very many members, and where the connection asks for
 * it. All operations or none.
 */
export async function patch(request: Admitted, type: ResourceType, parts: ResourceParts): Promise<Answer> {
  const projection = projectionOf(request, type)
  const { operations, deviations } = parsePatch(request.body)
  const split =
    type.name === 'Group' ? splitPatch(operations) : { document: operations, membership: [], deviations: [] }
  const id = idOf(request)
  const command: Command = {
    kind: 'patch',
    id,
    operations: split.document,
    membership: split.membership,
    precondition: request.arrival.headers['if-match'],
  }
  const status = (await answersNothing(request, type, id, parts.records)) ? 204 : 200
  return write(request, type, command, { status, deviations: [...deviations, ...split.deviations], projection }, parts)
}

/** RFC 7644 section 3.6. 204; what is deleted leaves its groups. */
export async function remove(request: Admitted, type: ResourceType, parts: ResourceParts): Promise<Answer> {
  const command: Command = { kind: 'delete', id: idOf(request), precondition: request.arrival.headers['if-match'] }
  return write(request, type, command, { status: 204, deviations: [], projection: { kind: 'default' } }, parts)
}

/** RFC 7644 section 3.4.1; 304 when If-None-Match names the version (section 3.14). */
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
  const known = request.arrival.headers['if-none-match']
  if (known !== undefined && namesVersion(known, renderVersion(stored.version))) {
    return { status: 304, headers: headersOf(stored), outcome: accepted(304, { subject }) }
  }
  const shown = await show(type, connection, stored, projection, parts)
  return { status: 200, headers: headersOf(shown.record), body: shown.body, outcome: accepted(200, { subject }) }
}

interface Reply {
  readonly status: 200 | 201 | 204
  readonly deviations: readonly Deviation[]
  readonly projection: Projection
}

/** Writes the command together with the request's record, then shows what came of it. */
async function write(
  request: Admitted,
  type: ResourceType,
  command: Command,
  reply: Reply,
  parts: ResourceParts,
): Promise<Answer> {
  const { arrival, principal } = request
  const base = parts.baseUrl(principal.connection)
  const began = performance.now()
  const outcomeOf = (written: Written) =>
    accepted(reply.status, {
      subject: { kind: type.name, id: written.id },
      changed: written.changed,
      events: written.events.map((event) => event.id),
      deviations: [...reply.deviations, ...written.deviations],
    })
  const written = await parts.writer.write({
    type,
    command,
    principal,
    occasion: { time: arrival.receivedAt, traceparent: arrival.traceparent },
    decided: (result) => {
      const microseconds = Math.round((performance.now() - began) * 1000)
      const steps = [...request.steps, { step: 'operation', decision: 'passed' as const, microseconds }]
      return requestDecided({ ...request, steps }, outcomeOf(result))
    },
    inDoubt: (doubt) => (request.doubt = doubt),
  })
  request.recorded = true
  const outcome = outcomeOf(written)
  if (command.kind === 'delete') return { status: 204, headers: {}, outcome }
  const headers = { ETag: renderVersion(written.version), Location: locationOf(base, type, written.id) }
  if (reply.status === 204) return { status: 204, headers, outcome }
  const isNewUser = command.kind === 'create' && type.name === 'User'
  const body = isNewUser
    ? represent(type, base, written, written.document, reply.projection)
    : await showWritten(type, principal.connection, written, reply.projection, parts)
  return { status: reply.status, headers, body, outcome }
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

function projectionOf({ arrival: { query } }: Admitted, type: ResourceType): Projection {
  return parseProjection(type, {
    attributes: query.get('attributes') ?? undefined,
    excludedAttributes: query.get('excludedAttributes') ?? undefined,
  })
}

function idOf(request: Admitted): string {
  if (request.resourceId === undefined) throw errors.internal()
  return request.resourceId
}
