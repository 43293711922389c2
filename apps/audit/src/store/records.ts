import type { Event, RequestDecided } from '#libs/events/index'
import { addressedConnection } from '../detections/addressed-connection.ts'
import { type Statement, textArray, type Transaction } from '#libs/postgres/index'

const insert: Statement = {
  name: 'audit insert',
  text: `
    INSERT INTO audit.record (tenant, received_at, id, connection, kid, surface, operation, outcome, status, within_request, actor, environment, payload, addressed)
    SELECT * FROM unnest(
      $1::text[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::int[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[]
    ) ON CONFLICT DO NOTHING RETURNING id`,
}

/**
 * One record per decision, in one statement. A decision that arrives again has the same tenant, time and id, and changes nothing: those that
 * did not are given back.
 */
export async function storeDecisions(
  transaction: Transaction,
  events: readonly Event<'request.decided'>[],
): Promise<RequestDecided[]> {
  const decisions = events.map((event) => event.payload)
  const stored = await transaction.query<{ id: string }>(insert, [
    textArray(decisions.map((decision) => decision.tenant ?? '')),
    decisions.map((decision) => decision.receivedAt),
    textArray(decisions.map((decision) => decision.requestId)),
    textArray(decisions.map((decision) => decision.connection)),
    textArray(decisions.map((decision) => decision.kid)),
    textArray(decisions.map((decision) => decision.surface)),
    textArray(decisions.map((decision) => decision.operation)),
    textArray(decisions.map((decision) => decision.outcome)),
    decisions.map((decision) => decision.status),
    textArray(decisions.map((decision) => decision.within ?? null)),
    textArray(decisions.map((decision) => decision.actor ?? null)),
    textArray(decisions.map((decision) => decision.environment)),
    textArray(decisions.map((decision) => JSON.stringify(decision))),
    textArray(
      decisions.map((decision) =>
        decision.code === 'key-of-another-connection' ? addressedConnection(decision) : null,
      ),
    ),
  ])
  const fresh = new Map(decisions.map((decision) => [decision.requestId, decision]))
  return stored.flatMap(({ id }) => fresh.get(id) ?? [])
}
