import type { AnyEvent } from '#libs/events/index'
import type { ResolvedFilter, Resource, ResourceType, ScimError } from '#libs/scim/index'
import type { Occasion } from './lifecycle.ts'
import type { Principal } from './principal.ts'
import type { Command, Intent } from './provisioning.ts'

/** What the gateway asks of its store. Every read is within one connection, and rejects with the driver's error while Postgres is away. */
export interface RecordReads {
  find(type: ResourceType, connection: string, id: string): Promise<StoredText | undefined>
  /** A page by position in the order of ids, and the number of all matches; the two may be of different moments. */
  list(type: ResourceType, connection: string, query: ListQuery): Promise<Listing>
  /** Members by group, those nobody knows included. Throws tooMany when there are more than `most` in all. */
  members(connection: string, groupIds: readonly string[], most?: number): Promise<Map<string, MemberText[]>>
  /** True when the group has more members than `limit`, found without counting all of them. */
  hasMoreMembersThan(connection: string, groupId: string, limit: number): Promise<boolean>
  /** The keys by which the names of these users are unique; those that do not exist are left out. */
  userNameKeys(connection: string, userIds: readonly string[]): Promise<Map<string, string>>
  /** The groups that each user is in, directly or through other groups. */
  groups(connection: string, userIds: readonly string[]): Promise<Map<string, GroupOfUser[]>>
}

export interface RecordWrites {
  /**
   * Writes record, memberships, uniqueness, lifecycle events and the request's own decision in one transaction, and
   * resolves once that is durable. Commands about one record are written in the order in which they came. Rejects
   * with a ScimError when the command was refused (nothing of it is stored), or `unavailable` when Postgres is away or
   * too slow: then, if the connection broke during the commit, it may have been stored together with its decision, and
   * `inDoubt` is called before the rejection.
   */
  write(request: WriteRequest): Promise<Written>
  /**
   * Creates several records in one transaction of their own, as `write` does, all of them or none. Their outcomes are in the order
   * of the requests; one that nothing is wrong with but that another was refused has the error `brokenCircle`.
   */
  writeTogether(requests: readonly WriteRequest[]): Promise<readonly (Written | ScimError)[]>
  /**
   * Does `work` over a store that is as this one and where what it writes can be read; afterwards nothing of it is stored. Its
   * writes append no decision. Rejects as `write` does, and with what `work` rejects with.
   */
  rehearse<T>(work: (stage: Stage) => Promise<T>): Promise<T>
}

/** Where a request is rehearsed: one write after the other, each seen by those that follow. */
export interface Stage {
  readonly records: RecordReads
  readonly writer: Writes
}

/** The writes themselves. */
export type Writes = Pick<RecordWrites, 'write' | 'writeTogether'>

/** A record as it is answered: its document stays the text that Postgres holds. */
export interface StoredText {
  readonly id: string
  readonly version: number
  readonly created: Date
  readonly lastModified: Date
  readonly document: string
}

export interface MemberText {
  readonly value: string
  readonly kind: 'User' | 'Group' | null
  readonly display: string | null
}

export interface GroupOfUser {
  readonly id: string
  readonly display: string
  readonly direct: boolean
}

export interface Listing {
  readonly totalResults: number
  readonly records: readonly StoredText[]
}

export interface ListQuery {
  readonly filter: ResolvedFilter | undefined
  /** From 1. */
  readonly startIndex: number
  readonly count: number
  /** Where the SCIM endpoints of the connection are, for filters on meta.location. */
  readonly baseUrl: string
}

/** Whether what was sent to the store has been stored: known in the end, and never stored later than that. */
export interface Doubt {
  /** Waits for as long as the store is away; does not reject. */
  committed(): Promise<boolean>
}

/** One command of one request, on its way into the store. */
export interface WriteRequest {
  readonly type: ResourceType
  readonly command: Command
  readonly principal: Principal
  readonly occasion: Occasion
  /** The request's own `request.decided`, appended in the same transaction as what it wrote. */
  decided(written: Written): AnyEvent
  /** Told when it is not known whether that has been stored: another decision may be recorded only if it was not. */
  inDoubt(doubt: Doubt): void
}

/** What was written; durable once `write` has resolved with it. */
export interface Written extends Intent {
  /** The document as it was; undefined for what is new. */
  readonly before: Resource | undefined
  readonly created: Date
  readonly lastModified: Date
}
