import { readEvent } from '#libs/events/index'
import { isConnectionLoss, isServerTrouble, isTransient, type Transaction } from '#libs/postgres/index'
import type { ReceivedEvent } from './deliver.ts'
import type { DeadLetter, Subscription } from './port.ts'
import { reasonOf } from './reason.ts'

interface Row {
  id: string
  name: string
  key: string
  reason: string
  buried_at: Date
}

/** Keeps the event with the reason for which it failed, in the transaction that passes over it. */
export async function bury(
  subscription: Subscription,
  transaction: Transaction,
  event: ReceivedEvent,
  error: unknown,
): Promise<void> {
  const reason = reasonOf(error)
  await transaction.query(
    `INSERT INTO ${subscription.schema}.dead_letter (follower, id, name, key, event, reason) VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT (follower, id) DO UPDATE SET reason = excluded.reason, buried_at = now()`,
    [subscription.group, event.id, event.name, event.key, JSON.stringify(event), reason],
  )
  transaction.afterCommit(() => subscription.observe?.buried?.({ id: event.id, name: event.name, reason }))
}

export async function readDeadLetters(subscription: Subscription, limit: number): Promise<DeadLetter[]> {
  const rows = await subscription.database.query<Row>(
    `SELECT id, name, key, reason, buried_at FROM ${subscription.schema}.dead_letter WHERE follower = $1 ORDER BY number LIMIT $2`,
    [subscription.group, limit],
  )
  return rows.map((row) => ({ id: row.id, name: row.name, key: row.key, reason: row.reason, buriedAt: row.buried_at }))
}

/** Each letter is handled and removed in one transaction; one that fails again stays, with its new reason; one that is gone meanwhile is in neither list. */
export async function replayDeadLetters(
  subscription: Subscription,
  ids: readonly string[] | undefined,
): Promise<{ applied: string[]; stillDead: string[] }> {
  const { database, schema, group } = subscription
  const rows = await database.query<Pick<Row, 'id'>>(
    `SELECT id FROM ${schema}.dead_letter WHERE follower = $1 AND ($2::uuid[] IS NULL OR id = ANY($2)) ORDER BY number`,
    [group, ids ?? null],
  )
  const applied: string[] = []
  const stillDead: string[] = []
  for (const row of rows) {
    try {
      const found = await database.transaction(async (transaction) => {
        const [held] = await transaction.query<{ event: string }>(
          `DELETE FROM ${schema}.dead_letter WHERE follower = $1 AND id = $2 RETURNING event`,
          [group, row.id],
        )
        if (held === undefined) return false
        await subscription.handle([readEvent(JSON.parse(held.event) as ReceivedEvent)], { transaction })
        return true
      })
      if (found) applied.push(row.id)
    } catch (error) {
      if (isConnectionLoss(error) || isServerTrouble(error) || isTransient(error)) throw error
      const reason = reasonOf(error)
      await database.query(`UPDATE ${schema}.dead_letter SET reason = $3 WHERE follower = $1 AND id = $2`, [
        group,
        row.id,
        reason,
      ])
      stillDead.push(row.id)
    }
  }
  return { applied, stillDead }
}
