import type { Resource } from '#libs/scim/index'
import { groupKeys, userKeys, userNameKey } from '../record.ts'

/** What is to be written of a user or group. */
export interface RowContent {
  readonly id: string
  readonly version: number
  readonly document: Resource
  /** Now, unless it was made before. */
  readonly created?: Date
}

/**
 * One row for the statements that write users or groups. `before` is the document that an update replaces. Throws invalidValue for a
 * name, id or address that cannot be looked up.
 */
export function recordRow(
  kind: string,
  connection: string,
  { id, version, document, created }: RowContent,
  now: Date,
  before?: Resource,
): object {
  const row = { connection, id, version, created, now, document }
  if (kind === 'Group') {
    const { displayNameKey, externalId } = groupKeys(document)
    return { ...row, display_name_key: displayNameKey, external_id: externalId }
  }
  const keys = userKeys(connection, document)
  return {
    ...row,
    user_name_key: keys.userNameKey,
    renamed: before !== undefined && userNameKey(before) !== keys.userNameKey,
    external_id: keys.externalId,
    display_name_key: keys.displayNameKey,
    email_keys: keys.emailKeys,
    active: keys.active,
  }
}
