import { isId } from '#libs/events/index'
import { fold } from '#libs/scim/index'
import { emailKey } from '../record.ts'
import { quoted } from './json-sql.ts'

/** How filters and sorting reach what a table holds. In all SQL here `$1` is the connection. */
export interface RecordTable {
  readonly type: 'User' | 'Group'
  readonly name: 'scim_user' | 'scim_group'
  /** Columns by dotted path. */
  readonly columns: Readonly<Record<string, Column>>
  /** Multi-valued attributes that live outside the document, by name. */
  readonly elements: Readonly<Record<string, Elements>>
  /** Equality that an index answers although there is no column of the value alone: SQL of it, by dotted path. */
  readonly lookups: Readonly<Record<string, Lookup>>
  /** Computed texts by dotted path. */
  readonly computed: Readonly<Record<string, string>>
}

export interface Column {
  readonly name: string
  /** `folded` ones hold `comparedText` of the value. Texts are of the collation "C". */
  readonly type: 'text' | 'folded' | 'boolean' | 'instant' | 'uuid'
  /** An index finds the rows of one value, in the order of their ids. */
  readonly indexed: boolean
  /** An index in the order of the values holds the ids too. */
  readonly covered: boolean
}

export interface Elements {
  /** SQL that gives a row for each element of the table's row; they are in the order of `value`. */
  readonly from: string
  /** Its columns, all text, by sub-attribute. */
  readonly parts: Readonly<Record<string, string>>
}

export interface Lookup {
  /** The condition that the row has this value, with `bind` to name a parameter; undefined when no row can have it. */
  readonly condition: (value: string, bind: (value: unknown) => string) => string | undefined
  /** What it costs does not depend on how many rows have the value. */
  readonly isBounded: boolean
}

const parts = { value: 'value', $ref: 'reference', display: 'display', type: 'type' }

/**
 * Groups that a user or group is in, through other groups too; UNION ends cycles. OFFSET 0 has the memberships of each looked up: else all of
 * the connection could be read for the few of one.
 */
export const groupsAbove = (connection: string, member: string): string => `
  WITH RECURSIVE above(group_id, direct) AS (
    SELECT group_id, true FROM gateway.membership WHERE connection = ${connection} AND member_id = ${member}::text
    UNION
    SELECT m.group_id, false FROM above CROSS JOIN LATERAL (
      SELECT group_id FROM gateway.membership WHERE connection = ${connection} AND member_id = above.group_id::text OFFSET 0
    ) AS m
  )
  SELECT group_id, bool_or(direct) AS direct FROM above GROUP BY group_id`

/** The group of that id, for a LATERAL join that looks it up by its key. */
export const groupOf = (connection: string, id: string): string =>
  `(SELECT id, document FROM gateway.scim_group WHERE connection = ${connection} AND id = ${id} OFFSET 0)`

/** A member's id, where it has the form of one of ours. */
const idOf = (member: string): string =>
  `CASE WHEN ${member} ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN ${member}::uuid END`

/** Ids of all members of a group, through other groups too. */
const membersBelow = (group: string): string => `
  WITH RECURSIVE below(id) AS (
    SELECT ${idOf('member_id')} FROM gateway.membership WHERE connection = $1 AND group_id = ${group}::uuid
    UNION
    SELECT ${idOf('m.member_id')} FROM below JOIN gateway.membership m ON m.connection = $1 AND m.group_id = below.id
  )
  SELECT id FROM below`

/**
 * That one of the e-mail keys is this one. Said twice, since the planner takes either condition to fit one row in two hundred, whatever the
 * statistics: with one alone it would read all of the connection beside.
 */
const hasEmail = (key: string): string => `email_keys @> ARRAY[${key}] AND email_keys && ARRAY[${key}]`

export function userTable(connection: string, baseUrl: string): RecordTable {
  return {
    type: 'User',
    name: 'scim_user',
    columns: {
      id: { name: 'id', type: 'uuid', indexed: true, covered: false },
      userName: { name: 'user_name_key', type: 'folded', indexed: true, covered: true },
      externalId: { name: 'external_id', type: 'text', indexed: true, covered: true },
      displayName: { name: 'display_name_key', type: 'folded', indexed: true, covered: true },
      active: { name: 'active', type: 'boolean', indexed: false, covered: false },
      'meta.created': { name: 'created', type: 'instant', indexed: false, covered: true },
      'meta.lastModified': { name: 'last_modified', type: 'instant', indexed: false, covered: false },
    },
    elements: {
      groups: {
        from: `
          SELECT g.id::text AS value, ${quoted(`${baseUrl}/Groups/`)} || g.id AS reference,
            g.document ->> 'displayName' AS display,
            CASE WHEN above.direct THEN 'direct' ELSE 'indirect' END AS type
          FROM (${groupsAbove('scim_user.connection', 'scim_user.id')}) AS above
          CROSS JOIN LATERAL ${groupOf('scim_user.connection', 'above.group_id')} AS g`,
        parts,
      },
    },
    lookups: {
      'emails.value': { condition: (value, bind) => hasEmail(bind(emailKey(connection, value))), isBounded: true },
      'groups.value': {
        condition: (value, bind) => (isId(fold(value)) ? `id IN (${membersBelow(bind(fold(value)))})` : undefined),
        isBounded: false,
      },
    },
    computed: computed(`${baseUrl}/Users/`),
  }
}

export function groupTable(baseUrl: string): RecordTable {
  return {
    type: 'Group',
    name: 'scim_group',
    columns: {
      id: { name: 'id', type: 'uuid', indexed: true, covered: false },
      externalId: { name: 'external_id', type: 'text', indexed: true, covered: true },
      displayName: { name: 'display_name_key', type: 'folded', indexed: true, covered: true },
      'meta.created': { name: 'created', type: 'instant', indexed: false, covered: true },
      'meta.lastModified': { name: 'last_modified', type: 'instant', indexed: false, covered: false },
    },
    elements: {
      members: {
        // What of it a filter does not ask for is not joined.
        from: `
          SELECT m.member_id AS value, ${quoted(`${baseUrl}/`)} || m.kind || 's/' || m.member_id AS reference, m.kind AS type,
            coalesce(u.document ->> 'displayName', u.document ->> 'userName', g.document ->> 'displayName') AS display
          FROM gateway.membership m
          LEFT JOIN gateway.scim_user u ON m.kind = 'User' AND u.connection = m.connection AND u.id = CASE WHEN m.kind IS NOT NULL THEN m.member_id::uuid END
          LEFT JOIN gateway.scim_group g ON m.kind = 'Group' AND g.connection = m.connection AND g.id = CASE WHEN m.kind IS NOT NULL THEN m.member_id::uuid END
          WHERE m.connection = scim_group.connection AND m.group_id = scim_group.id`,
        parts,
      },
    },
    lookups: {
      'members.value': {
        condition: (value, bind) =>
          `id IN (SELECT group_id FROM gateway.membership WHERE connection = $1 AND member_id = ${bind(value)})`,
        isBounded: true,
      },
    },
    computed: computed(`${baseUrl}/Groups/`),
  }
}

function computed(location: string): Record<string, string> {
  return { 'meta.version': `'W/"' || version || '"'`, 'meta.location': `${quoted(location)} || id` }
}
