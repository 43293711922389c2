import type { Database, Transaction } from '#libs/postgres/index'
import { allow, type Allowance, type ChangedGuard, deny, type Guard, guardEvent } from '../deprovisioning.ts'
import type { GuardDecided, GuardDecision, Guards, GuardsPage } from '../guards.ts'
import { holdConnections } from './hold-connections.ts'
import { columns, lockGuards, lockOrMakeGuards, saveGuard } from './guarding.ts'

export class StoredGuards implements Guards {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  list(now: Date, { limit, after, tenants }: GuardsPage): Promise<Guard[]> {
    return this.#database.query<Guard>(list, [now, after ?? '', limit + 1, tenants])
  }

  async allow(
    transaction: Transaction,
    allowance: Allowance,
    decision: GuardDecision,
  ): Promise<GuardDecided | undefined> {
    if (!(await holdConnections(transaction, [decision.scope.connection]))) return undefined
    return change(transaction, decision, lockOrMakeGuards, (guard) => allow(guard, allowance, decision.occasion.time))
  }

  deny(transaction: Transaction, decision: GuardDecision): Promise<GuardDecided | undefined> {
    return change(transaction, decision, lockGuards, (guard) =>
      deny(guard, decision.occasion.time, decision.rules?.window),
    )
  }
}

async function change(
  transaction: Transaction,
  { scope, rules, occasion }: GuardDecision,
  locked: typeof lockOrMakeGuards,
  to: (guard: Guard) => ChangedGuard | undefined,
): Promise<GuardDecided | undefined> {
  const guards = await locked(transaction, [scope.connection], occasion.time)
  const before = guards.get(scope.connection)
  const guard = before === undefined ? undefined : to(before)
  if (guard === undefined) return undefined
  saveGuard(transaction, guard)
  return { guard, event: guardEvent(guard, scope, rules, occasion.time, occasion.traceparent) }
}

const list = `
  SELECT ${columns}
  FROM gateway.guard
  WHERE connection > $2 AND (state = 'held' OR (state <> 'counting' AND "left" IS DISTINCT FROM 0 AND (until IS NULL OR until > $1)))
    AND ($4::text[] IS NULL OR connection IN (SELECT connection FROM gateway.known_connection WHERE tenant = ANY($4)))
  ORDER BY connection LIMIT $3`
