import { type AnyEvent, readEvent, UnreadableEvent } from '#libs/events/index'
import { isConnectionLoss, isServerTrouble, isTransient, type Transaction } from '#libs/postgres/index'
import { bury } from './dead-letters.ts'
import type { Subscription } from './port.ts'

/** An event as an adapter received it: envelope known, name and payload not yet checked. */
export type ReceivedEvent = Parameters<typeof readEvent>[0]

/**
 * Hands a batch to the handler so that one bad event costs only itself. Each attempt runs under a savepoint. A batch that
 * fails for its content is halved, and halved again, until the events that fail alone are found; those are buried with
 * their reason in the same transaction. Failures of the database are thrown on, for the adapter to wait and retry.
 * Answers the events that were applied.
 */
export async function deliver(
  subscription: Subscription,
  transaction: Transaction,
  received: readonly ReceivedEvent[],
): Promise<AnyEvent[]> {
  const events: AnyEvent[] = []
  for (const event of received) {
    try {
      events.push(readEvent(event))
    } catch (error) {
      if (!(error instanceof UnreadableEvent)) throw error
      await bury(subscription, transaction, event, error)
    }
  }
  return events.length === 0 ? [] : attempt(subscription, transaction, events, false)
}

async function attempt(
  subscription: Subscription,
  transaction: Transaction,
  events: readonly AnyEvent[],
  failedBefore: boolean,
): Promise<AnyEvent[]> {
  const [first] = events
  if (first === undefined) return []
  try {
    await handleOnce(subscription, transaction, events)
    return [...events]
  } catch (error) {
    if (isConnectionLoss(error) || isServerTrouble(error) || isTransient(error)) throw error
    if (events.length === 1 && failedBefore) {
      await bury(subscription, transaction, first, error)
      return []
    }
  }
  const middle = Math.ceil(events.length / 2)
  const applied = await attempt(subscription, transaction, events.slice(0, middle), true)
  return [...applied, ...(await attempt(subscription, transaction, events.slice(middle), true))]
}

function handleOnce(subscription: Subscription, transaction: Transaction, events: readonly AnyEvent[]): Promise<void> {
  return transaction.savepoint(() => subscription.handle(events, { transaction }))
}
