import type { AnyEvent } from '#libs/events/index'
import type { Statement, Transaction } from '#libs/postgres/index'
import type { ScimError } from '#libs/scim/index'
import {
  deprovisions,
  type Example,
  type Guard,
  guardEvent,
  type GuardRules,
  judge,
  present,
  refusalBy,
  usersNeeded,
} from '../deprovisioning.ts'
import type { Job } from './job.ts'
import type { Planned } from './planned.ts'

/**
 * Counts what a batch takes away, under the lock of one row for each connection, so that gateways count together and what is rolled back
 * was not counted. A batch that takes nothing away costs nothing here.
 */
export class Guarding {
  /** Of connections that are held from now on. */
  readonly events: AnyEvent[] = []
  readonly #transaction: Transaction

  constructor(transaction: Transaction) {
    this.#transaction = transaction
  }

  /** Those that may not be written, each with its refusal. */
  async refuse(planned: readonly Planned[]): Promise<ReadonlyMap<Job, ScimError>> {
    const guarded = planned.flatMap((plan): Act[] =>
      plan.job.guard !== undefined && deprovisions(plan.intent) ? [{ plan, rules: plan.job.guard }] : [],
    )
    const refused = new Map<Job, ScimError>()
    const [first] = guarded
    if (first === undefined) return refused
    const byConnection = Map.groupBy(guarded, ({ plan }) => plan.job.principal.connection)
    const connections = [...byConnection.keys()].sort()
    const guards = await lockOrMakeGuards(this.#transaction, connections, first.plan.job.occasion.time)
    for (const connection of connections) {
      const acts = byConnection.get(connection) ?? []
      const known = guards.get(connection)
      if (known === undefined || acts[0] === undefined) continue
      for (const [job, error] of await this.#judge(known, acts[0], acts)) refused.set(job, error)
    }
    return refused
  }

  async #judge(known: Guard, { plan, rules }: Act, acts: readonly Act[]): Promise<(readonly [Job, ScimError])[]> {
    const { principal, occasion } = plan.job
    const before = present(known, occasion.time, rules.window)
    const needed = usersNeeded(before, acts.length, rules)
    const users = needed === undefined ? 0 : await countUsers(this.#transaction, principal.connection, needed)
    const wanted = acts.map(({ plan: { job } }): Example => ({
      kind: job.type.name === 'Group' ? 'Group' : 'User',
      id: job.command.id,
    }))
    const { after, passed } = judge(before, wanted, rules, users, occasion.time)
    saveGuard(this.#transaction, after)
    if (after.version > before.version && after.state !== 'counting') {
      this.events.push(guardEvent(after, principal, rules, occasion.time, occasion.traceparent))
    }
    return acts.slice(passed).map((act) => [act.plan.job, refusalBy(after, act.rules)] as const)
  }
}

interface Act {
  readonly plan: Planned
  readonly rules: GuardRules
}

/** Of `gateway.guard`, as a `Guard` has them. */
export const columns = `connection, state, version, began, count, held_since AS "heldSince", tried, examples, until, "left"`

const lock: Statement = {
  name: 'gateway lock guards',
  text: `SELECT ${columns} FROM gateway.guard WHERE connection = ANY((SELECT $1::text[])::text[]) ORDER BY connection FOR UPDATE`,
}
const make: Statement = {
  name: 'gateway make guards',
  text: `
    INSERT INTO gateway.guard (connection, state, version, began, count, tried, examples)
    SELECT c, 'counting', 0, $2, 0, 0, '[]' FROM unnest((SELECT $1::text[])) AS c ORDER BY c ON CONFLICT DO NOTHING`,
}
const save: Statement = {
  name: 'gateway save guard',
  text: `
    UPDATE gateway.guard SET state = $2, version = $3, began = $4, count = $5, held_since = $6, tried = $7, examples = $8, until = $9, "left" = $10
    WHERE connection = $1`,
}
const count: Statement = {
  name: 'gateway count users',
  text: 'SELECT count(*)::int AS users FROM (SELECT FROM gateway.scim_user WHERE connection = $1 LIMIT $2) AS counted',
}

/** One at a time, until the transaction ends; those that are there. */
export async function lockGuards(
  transaction: Transaction,
  connections: readonly string[],
): Promise<ReadonlyMap<string, Guard>> {
  const found = await transaction.query<Guard>(lock, [connections])
  return new Map(found.map((guard) => [guard.connection, guard]))
}

/** The same; one that is not there is made. */
export async function lockOrMakeGuards(
  transaction: Transaction,
  connections: readonly string[],
  now: Date,
): Promise<ReadonlyMap<string, Guard>> {
  const found = await lockGuards(transaction, connections)
  if (found.size === connections.length) return found
  transaction.send(make, [connections, now])
  return lockGuards(transaction, connections)
}

export function saveGuard(transaction: Transaction, guard: Guard): void {
  const { connection, state, version, began, heldSince, tried, examples, until, left } = guard
  transaction.send(save, [
    connection,
    state,
    version,
    began,
    guard.count,
    heldSince,
    tried,
    JSON.stringify(examples),
    until,
    left,
  ])
}

/** Counts no further than to what is needed. */
async function countUsers(transaction: Transaction, connection: string, needed: number): Promise<number> {
  const [row] = await transaction.query<{ users: number }>(count, [connection, needed])
  return row?.users ?? 0
}
