import { errors, type Projection, type ResourceType } from '#libs/scim/index'
import type { TextStream } from './answer.ts'
import type { LookedUpRecords, OpenGroup, RecordReads, StoredText, Written } from './record-store.ts'
import { represent, representInPieces } from './representation.ts'
import { mostMembersHeld, standings } from './standing.ts'

export interface ShowParts {
  /** Without `openGroup`, as within a transaction, a group can be shown only as far as its members can be held. */
  readonly records: LookedUpRecords & Partial<Pick<RecordReads, 'openGroup'>>
  readonly baseUrl: (connection: string) => string
}

/** A group of more members is sent as they are read. */
const mostMembersAtOnce = 1_000

/**
 * The body that shows one resource, and the record it shows: of a large group the one that stands at the moment its members are read.
 * Throws tooMany for a group whose members can neither be held nor be read by and by.
 */
export async function show(
  type: ResourceType,
  connection: string,
  stored: StoredText,
  projection: Projection,
  { records, baseUrl }: ShowParts,
): Promise<{ record: StoredText; body: string | TextStream }> {
  const base = baseUrl(connection)
  const standing = await standings(type, connection, [stored], projection, records, mostAtOnce(records))
  if (standing !== undefined) {
    return { record: stored, body: represent(type, base, standing[0] ?? stored, stored.document, projection) }
  }
  const group = await opened(records, connection, stored.id)
  const record = group.stored
  if (record === undefined) {
    await group.close()
    throw errors.notFound(type.name, stored.id)
  }
  return { record, body: inPieces(type, base, record, record.document, projection, group) }
}

/** The same of what was just written, as it was written. */
export async function showWritten(
  type: ResourceType,
  connection: string,
  written: Written,
  projection: Projection,
  { records, baseUrl }: ShowParts,
): Promise<string | TextStream> {
  const base = baseUrl(connection)
  const standing = await standings(type, connection, [written], projection, records, mostAtOnce(records))
  if (standing !== undefined) return represent(type, base, standing[0] ?? written, written.document, projection)
  const group = await opened(records, connection, written.id)
  return inPieces(type, base, written, written.document, projection, group)
}

function mostAtOnce({ openGroup }: ShowParts['records']): number {
  return openGroup === undefined ? mostMembersHeld : mostMembersAtOnce
}

async function opened(records: ShowParts['records'], connection: string, id: string): Promise<OpenGroup> {
  if (records.openGroup !== undefined) return records.openGroup(connection, id)
  throw errors.tooMany(
    `The group has more than ${mostMembersHeld} members, which a dry run cannot show. Ask with excludedAttributes=members.`,
  )
}

function inPieces(
  type: ResourceType,
  base: string,
  record: Omit<StoredText, 'document'>,
  document: string | Written['document'],
  projection: Projection,
  group: OpenGroup,
): TextStream {
  const pieces = representInPieces(type, base, record, document, projection, group.members())
  return { pieces, close: () => group.close() }
}
