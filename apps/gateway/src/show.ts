import { errors, type Projection, type ResourceType } from '#libs/scim/index'
import type { TextStream } from './answer.ts'
import type { LookedUpRecords, OpenGroup, RecordReads, StoredText, Written } from './record-store.ts'
import { represent, representInPieces } from './representation.ts'
import { standings } from './standing.ts'

export interface ShowParts {
  /** Without `openGroup`, as within a transaction, all members are held. */
  readonly records: LookedUpRecords & Partial<Pick<RecordReads, 'openGroup'>>
  readonly baseUrl: (connection: string) => string
}

/** Members that are held in memory for one answer; those of a larger group are sent as they are read. */
const mostMembersHeld = 1_000

/** The body that shows one resource, and the record it shows: of a large group the one that stands at the moment its members are read. */
export async function show(
  type: ResourceType,
  connection: string,
  stored: StoredText,
  projection: Projection,
  { records, baseUrl }: ShowParts,
): Promise<{ record: StoredText; body: string | TextStream }> {
  const base = baseUrl(connection)
  const standing = await standings(type, connection, [stored], projection, records, mostHeld(records))
  if (standing !== undefined || records.openGroup === undefined) {
    return { record: stored, body: represent(type, base, standing?.[0] ?? stored, stored.document, projection) }
  }
  const group = await records.openGroup(connection, stored.id)
  const record = group.stored
  if (record === undefined) {
    await group.close()
    throw errors.notFound(type.name, stored.id)
  }
  return { record, body: inPieces(type, base, record, record.document, projection, group) }
}

/** The same of what was just written: what cannot be read of other rows is left out, rather than answer that it failed. */
export async function showWritten(
  type: ResourceType,
  connection: string,
  written: Written,
  projection: Projection,
  { records, baseUrl }: ShowParts,
): Promise<string | TextStream> {
  const base = baseUrl(connection)
  try {
    const standing = await standings(type, connection, [written], projection, records, mostHeld(records))
    if (standing !== undefined || records.openGroup === undefined) {
      return represent(type, base, standing?.[0] ?? written, written.document, projection)
    }
    const group = await records.openGroup(connection, written.id)
    return inPieces(type, base, written, written.document, projection, group)
  } catch {
    return represent(type, base, written, written.document, projection)
  }
}

function mostHeld({ openGroup }: ShowParts['records']): number {
  return openGroup === undefined ? Infinity : mostMembersHeld
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
