import type { FilterColumns } from './filter-sql.ts'

/** How a filter reaches what the tables keep outside their documents. */

/** Groups that a user or group is in, through other groups too; UNION ends cycles. */
export const groupsAbove = (connection: string, member: string): string => `
  WITH RECURSIVE above(group_id, direct) AS (
    SELECT group_id, true FROM gateway.membership WHERE connection = ${connection} AND member_id = ${member}::text
    UNION
    SELECT m.group_id, false FROM above JOIN gateway.membership m ON m.connection = ${connection} AND m.member_id = above.group_id::text
  )
  SELECT group_id, bool_or(direct) AS direct FROM above GROUP BY group_id`

export function userColumns(connection: string, baseUrl: string): FilterColumns {
  return {
    resourceType: 'User',
    connection,
    columns: {
      id: { name: 'id', type: 'uuid', indexed: true },
      userName: { name: 'user_name_key', type: 'folded', indexed: true },
      externalId: { name: 'external_id', type: 'text', indexed: true },
      displayName: { name: 'display_name_key', type: 'folded', indexed: true },
      active: { name: 'active', type: 'boolean', indexed: false },
      'meta.created': { name: 'created', type: 'instant', indexed: false },
      'meta.lastModified': { name: 'last_modified', type: 'instant', indexed: false },
    },
    elements: {
      groups: `
        SELECT jsonb_build_object('value', g.id, 'display', g.document ->> 'displayName', 'type', CASE WHEN above.direct THEN 'direct' ELSE 'indirect' END)
        FROM (${groupsAbove('scim_user.connection', 'scim_user.id')}) AS above
        JOIN gateway.scim_group g ON g.connection = scim_user.connection AND g.id = above.group_id`,
    },
    lookups: {},
    computed: computed('User', `${baseUrl}/Users/`),
  }
}

export function groupColumns(connection: string, baseUrl: string): FilterColumns {
  return {
    resourceType: 'Group',
    connection,
    columns: {
      id: { name: 'id', type: 'uuid', indexed: true },
      externalId: { name: 'external_id', type: 'text', indexed: true },
      displayName: { name: 'display_name_key', type: 'folded', indexed: true },
      'meta.created': { name: 'created', type: 'instant', indexed: false },
      'meta.lastModified': { name: 'last_modified', type: 'instant', indexed: false },
    },
    elements: {
      members: `
        SELECT jsonb_build_object('value', m.member_id, 'type', m.kind) FROM gateway.membership m
        WHERE m.connection = scim_group.connection AND m.group_id = scim_group.id`,
    },
    lookups: {
      'members.value': `id IN (SELECT group_id FROM gateway.membership m WHERE m.connection = scim_group.connection AND m.member_id = $value)`,
    },
    computed: computed('Group', `${baseUrl}/Groups/`),
  }
}

function computed(resourceType: string, location: string): Record<string, string> {
  return {
    'meta.resourceType': `'${resourceType}'`,
    'meta.version': `'W/"' || version || '"'`,
    'meta.location': `'${location.replaceAll("'", "''")}' || id`,
  }
}
