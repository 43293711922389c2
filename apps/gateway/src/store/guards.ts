import type { Database, Transaction } from '#libs/postgres/index'
import {
  allow,
  type Allowance,
  type ChangedGuard,
  deny,
  type Guard,
  guardEvent,
  type GuardRules,
} from '../deprovisioning.ts'
import type { GuardDecided, GuardDecision, Guards, GuardsPage } from '../guards.ts'
import { holdConnections } from './hold-connections.ts'
import { columns, lockOrMakeGuards, saveGuard } from './guarding.ts'

export class StoredGuards implements Guards {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  list(now: Date, { limit, after, tenants }: GuardsPage): Promise<Guard[]> {
    return this.#database.query<Guard>(list, [now, after ?? '', limit + 1, tenants])
  }

  allow(transaction: Transaction, allowance: Allowance, decision: GuardDecision): Promise<GuardDecided | undefined> {
    return change(transaction, decision, (guard) => allow(guard, allowance, decision.occasion.time))
  }

  deny(
    transaction: Transaction,
    decision: GuardDecision & { readonly rules: GuardRules },
  ): Promise<GuardDecided | undefined> {
    return change(transaction, decision, (guard) => deny(guard, decision.occasion.time, decision.rules.window))
  }
}

async function change(
  transaction: Transaction,
  { scope, rules, occasion }: GuardDecision,
  to: (guard: Guard) => ChangedGuard,
): Promise<GuardDecided | undefined> {
  if (!(await holdConnections(transaction, [scope.connection]))) return undefined
  const guards = await lockOrMakeGuards(transaction, [scope.connection], occasion.time)
  const before = guards.get(scope.connection)
  if (before === undefined) throw new Error('a guard that was made is not there')
  const guard = to(before)
  saveGuard(transaction, guard)
  return { guard, event: guardEvent(guard, scope, rules, occasion.time, occasion.traceparent) }
}

const list = `
  SELECT ${columns}
  FROM gateway.guard
  WHERE connection > $2 AND (state = 'held' OR (state <> 'counting' AND "left" IS DISTINCT FROM 0 AND (until IS NULL OR until > $1)))
    AND ($4::text[] IS NULL OR connection IN (SELECT connection FROM gateway.known_connection WHERE tenant = ANY($4)))
  ORDER BY connection LIMIT $3`
