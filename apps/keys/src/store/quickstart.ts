import type { EntityManager } from 'typeorm'

/** The id of the connection that was made at the first start, be it deleted. */
export async function firstConnection(manager: EntityManager): Promise<string | undefined> {
  const [row]: { connection: string }[] = await manager.query('SELECT connection FROM keys.quickstart')
  return row?.connection
}

export async function noteFirstConnection(manager: EntityManager, connection: string): Promise<void> {
  await manager.query('INSERT INTO keys.quickstart (connection) VALUES ($1)', [connection])
}
