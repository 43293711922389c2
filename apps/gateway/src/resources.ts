import { newId } from '#libs/events/index'
import {
  type Deviation,
  errors,
  namesVersion,
  parseFilter,
  parsePaging,
  parsePatch,
  parseProjection,
  type Projection,
  readResource,
  renderList,
  renderVersion,
  resolveFilter,
  type ResourceType,
  ScimError,
  splitPatch,
  wants,
} from '#libs/scim/index'
import { type AdoptBy, adoptByFor } from './adoption.ts'
import { accepted, type Answer, type Outcome } from './answer.ts'
import { requestDecided } from './decision.ts'
import { noEdit, replacement } from './membership.ts'
import type { Command } from './provisioning.ts'
import { locationOf, represent, type Standing } from './representation.ts'
import { isId } from './record.ts'
import type { RecordReads, StoredText, WriteRequest, Writes, Written } from './record-store.ts'
import type { Admitted } from './way-in.ts'

export interface ResourceParts {
  readonly records: RecordReads
  readonly writer: Writes
  readonly baseUrl: (connection: string) => string
}

/** Resources in one page of a list at the most. */
export const largestPage = 200

/** A PATCH of a group with more members than this answers 204: the change must not cost what the group costs. */
const mostMembersAnswered = 1_000

/** Members that one page of groups shows in all; a page with more is refused. */
const mostMembersListed = 50_000

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
  const { resource, members, deviations } = readResource(type, request.body, readingOf(request))
  const command: Command = {
    kind: 'create',
    id,
    document: resource,
    members: members === undefined ? noEdit : replacement(members),
    adoptBy,
    pointer: request.within?.pointer,
  }
  return { request, type, command, reply: { status: 201, deviations, projection } }
}

/** Where the resource or the PATCH is in the body. */
function readingOf({ within }: Admitted): { readonly insideBulk?: true; readonly pointer?: string } {
  return within === undefined ? {} : { insideBulk: true, pointer: within.pointer }
}

/** RFC 7644 section 3.5.1. 200 with the whole resource; never creates one. */
export async function replace(request: Admitted, type: ResourceType, parts: ResourceParts): Promise<Answer> {
  const projection = projectionOf(request, type)
  const { resource, members, deviations } = readResource(type, request.body, readingOf(request))
  const edit = type.name === 'Group' ? replacement(members ?? []) : noEdit
  const command: Command = {
    kind: 'replace',
    id: idOf(request),
    document: resource,
    members: edit,
    precondition: request.arrival.headers['if-match'],
  }
  return write({ request, type, command, reply: { status: 200, deviations, projection } }, parts)
}

/**
 * RFC 7644 section 3.5.2. 200 with the whole resource; 204 for a group of very many members, and where the connection asks for
 * it. All operations or none.
 */
export async function patch(request: Admitted, type: ResourceType, parts: ResourceParts): Promise<Answer> {
  const projection = projectionOf(request, type)
  const { operations, deviations } = parsePatch(request.body, readingOf(request))
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
  const reply = { status, deviations: [...deviations, ...split.deviations], projection } as const
  return write({ request, type, command, reply }, parts)
}

/** RFC 7644 section 3.6. 204; what is deleted leaves its groups. */
export async function remove(request: Admitted, type: ResourceType, parts: ResourceParts): Promise<Answer> {
  const command: Command = { kind: 'delete', id: idOf(request), precondition: request.arrival.headers['if-match'] }
  const reply = { status: 204, deviations: [], projection: { kind: 'default' } } as const
  return write({ request, type, command, reply }, parts)
}

/** RFC 7644 section 3.4.1; 304 when If-None-Match names the version (section 3.14). */
export async function read(
  request: Admitted,
  type: ResourceType,
  { records, baseUrl }: ResourceParts,
): Promise<Answer> {
  const { connection } = request.principal
  const id = idOf(request)
  const projection = projectionOf(request, type)
  const stored = isId(id) ? await records.find(type, connection, id) : undefined
  if (stored === undefined) throw errors.notFound(type.name, id)
  const version = renderVersion(stored.version)
  const known = request.arrival.headers['if-none-match']
  if (known !== undefined && namesVersion(known, version)) {
    return { status: 304, headers: { ETag: version }, outcome: accepted(304, { subject: { kind: type.name, id } }) }
  }
  const [standing] = await standings(type, connection, [stored], projection, records)
  const base = baseUrl(connection)
  return {
    status: 200,
    headers: { ETag: version, 'Content-Location': locationOf(base, type, id) },
    body: represent(type, base, standing ?? stored, stored.document, projection),
    outcome: accepted(200, { subject: { kind: type.name, id } }),
  }
}

/** RFC 7644 section 3.4.2: a page by position, in the order of creation. */
export async function list(
  request: Admitted,
  type: ResourceType,
  { records, baseUrl }: ResourceParts,
): Promise<Answer> {
  const { connection } = request.principal
  const { query } = request.arrival
  const projection = projectionOf(request, type)
  const paging = parsePaging({ startIndex: query.get('startIndex'), count: query.get('count') }, largestPage)
  const filter = query.get('filter')
  const base = baseUrl(connection)
  const { totalResults, records: found } = await records.list(type, connection, {
    ...paging,
    filter: filter === null ? undefined : resolveFilter(type, parseFilter(filter)),
    baseUrl: base,
  })
  const shown = await standings(type, connection, found, projection, records)
  const resources = found.map((stored, index) =>
    represent(type, base, shown[index] ?? stored, stored.document, projection),
  )
  return {
    status: 200,
    headers: {},
    body: renderList({ totalResults, startIndex: paging.startIndex, resources }),
    outcome: accepted(200),
  }
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
  readonly deviations: readonly Deviation[]
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
    deviations: [...reply.deviations, ...written.deviations],
  })
}

async function answerOf(change: Change, written: Written, parts: ResourceParts): Promise<Answer> {
  const { request, type, command, reply } = change
  const { principal } = request
  const base = parts.baseUrl(principal.connection)
  request.recorded = true
  const outcome = outcomeOf(change, written)
  if (command.kind === 'delete') return { status: 204, headers: {}, outcome }
  const headers = { ETag: renderVersion(written.version), Location: locationOf(base, type, written.id) }
  // A bulk response need not show what was written (RFC 7644 section 3.7).
  if (reply.status === 204 || request.within !== undefined) return { status: reply.status, headers, outcome }
  const isNewUser = written.before === undefined && type.name === 'User'
  const [standing] = isNewUser
    ? [written]
    : // It is written: what lives in other rows is left out rather than answer that it failed.
      await standings(type, principal.connection, [written], reply.projection, parts.records).catch(() => [written])
  return {
    status: reply.status,
    headers,
    body: represent(type, base, standing ?? written, written.document, reply.projection),
    outcome,
  }
}

/** Never where the client named what it wants to see (RFC 7644 section 3.5.2 then wants an answer). */
async function answersNothing(
  { arrival, principal }: Admitted,
  type: ResourceType,
  id: string,
  records: RecordReads,
): Promise<boolean> {
  if (arrival.query.get('attributes')) return false
  if (principal.settings.patchAnswer === 'none') return true
  if (type.name !== 'Group' || !isId(id) || arrival.query.get('excludedAttributes')) return false
  return records.hasMoreMembersThan(principal.connection, id, mostMembersAnswered)
}

/** Adds what lives in other rows, where the answer shows it. */
async function standings(
  type: ResourceType,
  connection: string,
  found: readonly (StoredText | Written)[],
  projection: Projection,
  records: RecordReads,
): Promise<Standing[]> {
  const ids = found.map((record) => record.id)
  if (ids.length === 0) return []
  if (type.name === 'User') {
    const groups = wants(projection, 'groups') ? await records.groups(connection, ids) : new Map<string, never[]>()
    return found.map((record) => ({ ...record, groups: groups.get(record.id) ?? [] }))
  }
  const members = wants(projection, 'members')
    ? await records.members(connection, ids, ids.length > 1 ? mostMembersListed : undefined)
    : new Map<string, never[]>()
  return found.map((record) => ({ ...record, members: members.get(record.id) ?? [] }))
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
