import type { EntityManager } from 'typeorm'
import type { Database } from '#libs/postgres/index'

/**
 * When to look at a connection next: something may have come to pass then. A look at '-infinity' is due at once. Who writes it while holding
 * the connection calls `holdLooks` before reading uses, so that a use that is recorded meanwhile is looked at afterwards.
 */

/** Nobody else changes when to look at the connections until the transaction ends. The caller holds these. */
export async function holdLooks(manager: EntityManager, connections: readonly string[]): Promise<void> {
  await manager.query(
    `INSERT INTO keys.next_look (connection, at) SELECT id, 'infinity' FROM unnest($1::text[]) AS id ORDER BY id
     ON CONFLICT (connection) DO UPDATE SET at = next_look.at`,
    [[...new Set(connections)]],
  )
}

/** Undefined: there is no need to look, before something happens. The caller holds the look. */
export async function lookNext(manager: EntityManager, connection: string, at: Date | undefined): Promise<void> {
  if (at === undefined) await forgetLook(manager, connection)
  else await manager.query('UPDATE keys.next_look SET at = $2 WHERE connection = $1', [connection, at])
}

/** Has the connection looked at as soon as may be. The caller holds it. */
export async function lookAtOnce(manager: EntityManager, connection: string): Promise<void> {
  await manager.query(
    `INSERT INTO keys.next_look (connection, at) VALUES ($1, '-infinity')
     ON CONFLICT (connection) DO UPDATE SET at = excluded.at`,
    [connection],
  )
}

/** Leaves a connection alone for a while, so that others have their turn. */
export async function lookLater(database: Database, connection: string, at: Date): Promise<void> {
  await database.query('UPDATE keys.next_look SET at = $2 WHERE connection = $1', [connection, at])
}

/** There is nothing to look at any more. */
export async function forgetLook(manager: EntityManager, connection: string): Promise<void> {
  await manager.query('DELETE FROM keys.next_look WHERE connection = $1', [connection])
}

/** So many connections that are to be looked at by then, those first that have waited longest. */
export async function dueLooks(database: Database, now: Date, limit: number): Promise<string[]> {
  const rows = await database.query<{ connection: string }>(dueStatement, [now, limit])
  return rows.map(({ connection }) => connection)
}

const dueStatement = {
  name: 'keys due looks',
  text: 'SELECT connection FROM keys.next_look WHERE at <= $1 ORDER BY at LIMIT $2',
}
