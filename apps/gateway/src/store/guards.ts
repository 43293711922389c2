import type { EventLog } from '#libs/eventlog/index'
import type { Database } from '#libs/postgres/index'
import { allow, type Allowance, deny, type Guard, guardEvent } from '../deprovisioning.ts'
import type { GuardDecision, Guards, GuardsPage } from '../guards.ts'
import { columns, lockGuards, lockOrMakeGuards, saveGuard } from './guarding.ts'

export class StoredGuards implements Guards {
  readonly #database: Database
  readonly #log: EventLog

  constructor(database: Database, log: EventLog) {
    this.#database = database
    this.#log = log
  }

  list(now: Date, { limit, after, tenants }: GuardsPage): Promise<Guard[]> {
    return this.#database.query<Guard>(list, [now, after ?? '', limit + 1, tenants])
  }

  async allow(allowance: Allowance, decision: GuardDecision): Promise<Guard> {
    const after = await this.#change(decision, lockOrMakeGuards, (guard) =>
      allow(guard, allowance, decision.occasion.time),
    )
    if (after === undefined) throw new Error('an allowance changes every guard')
    return after
  }

  deny(decision: GuardDecision): Promise<Guard | undefined> {
    return this.#change(decision, lockGuards, (guard) => deny(guard, decision.occasion.time, decision.rules?.window))
  }

  #change(
    { scope, rules, occasion, decided }: GuardDecision,
    locked: typeof lockOrMakeGuards,
    change: (guard: Guard) => Guard | undefined,
  ): Promise<Guard | undefined> {
    return this.#database.transaction(async (transaction) => {
      const guards = await locked(transaction, [scope.connection], occasion.time)
      const before = guards.get(scope.connection)
      const after = before === undefined ? undefined : change(before)
      if (after === undefined) return undefined
      saveGuard(transaction, after)
      const event = guardEvent(after, scope, rules, occasion.time, occasion.traceparent)
      this.#log.append(transaction, [event, decided(event)])
      return after
    }, 'a request waits')
  }
}

const list = `
  SELECT ${columns}
  FROM gateway.guard
  WHERE connection > $2 AND (state = 'held' OR (state <> 'counting' AND "left" IS DISTINCT FROM 0 AND (until IS NULL OR until > $1)))
    AND ($4::text[] IS NULL OR connection IN (SELECT connection FROM gateway.known_connection WHERE tenant = ANY($4)))
  ORDER BY connection LIMIT $3`
