import type { AnyEvent } from '#libs/events/index'
import type { Transaction } from '#libs/postgres/index'
import type { Resource } from '#libs/scim/index'
import type { Occasion } from './lifecycle.ts'
import type { Scope } from './principal.ts'

/** A deleted user or group that can still be restored. */
export interface DeletedRecord {
  readonly id: string
  readonly kind: 'User' | 'Group'
  /** That of its deletion: one more than its last while it stood. */
  readonly version: number
  readonly created: Date
  readonly deletedAt: Date
  readonly document: Resource
}

export interface DeletedQuery {
  /** userName of users, displayName of groups, in full; case does not count. */
  readonly name: string | undefined
  /** Instant of the deletion and id of the last one shown before. */
  readonly after: readonly [instant: string, id: string] | undefined
  readonly limit: number
}

export interface RestoreRequest {
  readonly scope: Scope
  readonly id: string
  readonly occasion: Occasion
}

export interface Restored {
  readonly id: string
  readonly kind: 'User' | 'Group'
  readonly version: number
  readonly document: Resource
  readonly created: Date
  readonly events: readonly AnyEvent[]
}

/** What became of a wish to restore. */
export type Restoration =
  | { readonly outcome: 'restored'; readonly restored: Restored }
  /** Nothing was to be done: it was never deleted, or was restored before. */
  | { readonly outcome: 'standing'; readonly standing: Omit<Restored, 'events'> }
  /** The userName was given to another user since. */
  | { readonly outcome: 'name taken'; readonly by: string | undefined }
  | { readonly outcome: 'unknown' }

/** Nest provider: a `DeletedRecords`. */
export const DELETED_RECORDS = Symbol('DELETED_RECORDS')

/** What the gateway asks of its store about what was deleted. Rejects with the driver's error while Postgres is away. */
export interface DeletedRecords {
  /** One more than `limit`, those deleted last first. */
  list(connection: string, query: DeletedQuery): Promise<DeletedRecord[]>
  /**
   * Brings a deleted user or group back under its id, and with it the memberships it had where the other side stands; those whose
   * other side is deleted too come back with that. The events are for the caller to append.
   */
  restore(transaction: Transaction, request: RestoreRequest): Promise<Restoration>
  /** Removes for good what was deleted before that instant, in bounded batches; answers how many. Nothing while another gateway is at it. */
  purge(before: Date): Promise<number>
  /** Likewise everything of connections that were deleted before that instant; answers how many connections. */
  purgeConnections(before: Date): Promise<number>
}
