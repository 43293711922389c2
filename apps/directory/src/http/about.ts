import { type About, aboutNothing } from '#libs/admin/index'
import type { Environment } from '#libs/events/index'
import type { Queryable } from '#libs/postgres/index'
import { tenantOfConnection } from '../store/connections.ts'

interface Read {
  readonly tenant: string
  readonly environment: Environment
  readonly id: string
}

/** What a call was about that read one person or group, for its record. */
export function aboutRead(kind: 'User' | 'Group', connection: string, { tenant, environment, id }: Read): About {
  return { ...aboutNothing, tenant, connection, environment, subject: { kind, id } }
}

/** The same for a list. */
export async function aboutConnection(from: Queryable, connection: string): Promise<About> {
  const tenant = await tenantOfConnection(from, connection)
  return tenant === undefined ? aboutNothing : { ...aboutNothing, tenant, connection }
}
