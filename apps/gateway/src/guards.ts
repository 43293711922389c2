import type { AnyEvent } from '#libs/events/index'
import type { Transaction } from '#libs/postgres/index'
import type { Allowance, Guard, GuardRules } from './deprovisioning.ts'
import type { Occasion } from './lifecycle.ts'
import type { Scope } from './principal.ts'

/** What a person decides about a connection. */
export interface GuardDecision {
  readonly scope: Scope
  readonly rules: GuardRules | undefined
  readonly occasion: Occasion
}

export interface GuardDecided {
  readonly guard: Guard
  readonly event: AnyEvent
}

/** Nest provider: a `Guards`. */
export const GUARDS = Symbol('GUARDS')

export interface GuardsPage {
  readonly limit: number
  readonly after: string | undefined
  readonly tenants: readonly string[] | null
}

/** What the gateway asks of its store about guards. Rejects with the driver's error while Postgres is away. */
export interface Guards {
  /** One more than `limit` of those that are held, allowed or denied at that time, by connection; of these tenants alone, null for all. */
  list(now: Date, page: GuardsPage): Promise<Guard[]>
  /**
   * Both also of a connection that nothing is held of: for what is about to come. The event is for the caller to append. Undefined, and nothing is written, where
   * the connection is deleted, or about to be; its deletion waits for the transaction.
   */
  allow(transaction: Transaction, allowance: Allowance, decision: GuardDecision): Promise<GuardDecided | undefined>
  deny(
    transaction: Transaction,
    decision: GuardDecision & { readonly rules: GuardRules },
  ): Promise<GuardDecided | undefined>
}
