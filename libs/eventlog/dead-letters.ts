import { readEvent } from '#libs/events/index'
import type { ReceivedEvent } from './deliver.ts'
import type { DeadLetter, Subscription } from './port.ts'

interface Row {
  id: string
  name: string
  key: string
  event: ReceivedEvent
  reason: string
  buried_at: Date
}

export async function readDeadLetters(subscription: Subscription, limit: number): Promise<DeadLetter[]> {
  const rows = await subscription.database.query<Row>(
    `SELECT id, name, key, reason, buried_at FROM ${subscription.schema}.dead_letter WHERE follower = $1 ORDER BY id LIMIT $2`,
    [subscription.group, limit],
  )
  return rows.map((row) => ({ id: row.id, name: row.name, key: row.key, reason: row.reason, buriedAt: row.buried_at }))
}

/** Each letter is handled and removed in one transaction; one that fails again stays, with its new reason. */
export async function replayDeadLetters(
  subscription: Subscription,
  ids: readonly string[] | undefined,
): Promise<{ applied: string[]; stillDead: string[] }> {
  const { database, schema, group } = subscription
  const rows = await database.query<Row>(
    `SELECT id, event FROM ${schema}.dead_letter WHERE follower = $1 AND ($2::uuid[] IS NULL OR id = ANY($2)) ORDER BY id`,
    [group, ids ?? null],
  )
  const applied: string[] = []
  const stillDead: string[] = []
  for (const row of rows) {
    try {
      await database.transaction(async (transaction) => {
        const [held] = await transaction.query(
          `DELETE FROM ${schema}.dead_letter WHERE follower = $1 AND id = $2 RETURNING id`,
          [group, row.id],
        )
        if (held !== undefined) await subscription.handle([readEvent(row.event)], { transaction })
      })
      applied.push(row.id)
    } catch (error) {
      const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
      await database.query(`UPDATE ${schema}.dead_letter SET reason = $3 WHERE follower = $1 AND id = $2`, [group, row.id, reason])
      stillDead.push(row.id)
    }
  }
  return { applied, stillDead }
}
