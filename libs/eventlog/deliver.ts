import { type AnyEvent, readEvent, UnreadableEvent } from '#libs/events/index'
import { isConnectionLoss, isTransient, type Transaction } from '#libs/postgres/index'
import type { Subscription } from './port.ts'

/** An event as an adapter received it: envelope known, name and payload not yet checked. */
export type ReceivedEvent = Parameters<typeof readEvent>[0]

/**
 * Hands a batch to the handler so that one bad event costs only itself. The whole batch is tried first, under a
 * savepoint; when it fails for its content, each event is tried alone, and one that fails again is buried with its
 * reason in the same transaction. Failures of the database are thrown on, for the adapter to wait and retry.
 */
export async function deliver(
  subscription: Subscription,
  transaction: Transaction,
  received: readonly ReceivedEvent[],
): Promise<AnyEvent[]> {
  const events: AnyEvent[] = []
  const buried: Promise<void>[] = []
  for (const event of received) {
    try {
      events.push(readEvent(event))
    } catch (error) {
      if (!(error instanceof UnreadableEvent)) throw error
      buried.push(bury(subscription, transaction, event, error))
    }
  }
  await Promise.all(buried)
  if (events.length === 0) return events
  const attempt = (batch: readonly AnyEvent[]): Promise<void> =>
    transaction.savepoint(() => subscription.handle(batch, { transaction }))
  try {
    await attempt(events)
    return events
  } catch (error) {
    if (isConnectionLoss(error) || isTransient(error)) throw error
  }
  const applied: AnyEvent[] = []
  for (const event of events) {
    try {
      await attempt([event])
      applied.push(event)
    } catch (error) {
      if (isConnectionLoss(error) || isTransient(error)) throw error
      await bury(subscription, transaction, event, error)
    }
  }
  return applied
}

async function bury(subscription: Subscription, transaction: Transaction, event: ReceivedEvent, error: unknown): Promise<void> {
  const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  await transaction.query(
    `INSERT INTO ${subscription.schema}.dead_letter (follower, id, name, key, event, reason) VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT (follower, id) DO UPDATE SET reason = excluded.reason, buried_at = now()`,
    [subscription.group, event.id, event.name, event.key, JSON.stringify(event), reason],
  )
  transaction.afterCommit(() => subscription.observe?.buried?.({ id: event.id, name: event.name, reason }))
}
