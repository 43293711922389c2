import type { AnyEvent } from '#libs/events/index'
import type { PagingByIndex, ResolvedFilter, Resource, ResourceType, ScimError, Target } from '#libs/scim/index'
import type { GuardRules } from './deprovisioning.ts'
import type { Occasion } from './lifecycle.ts'
import type { Principal } from './principal.ts'
import type { Command, Intent } from './provisioning.ts'

/** What the gateway asks of its store. Every read is within one connection, and rejects with the driver's error while Postgres is away. */
export interface RecordReads extends LookedUpRecords {
  /** A page of records. Throws tooMany when they cannot be found, or all matches not be counted, within the bound set for that. */
  list(connection: string, query: ListQuery): Promise<Listing>
  /** A group with all its members as they are at one moment. Throws tooManyRequests when many such are under way. */
  openGroup(connection: string, groupId: string): Promise<OpenGroup>
}

/** What is found at once. */
export interface LookedUpRecords {
  find(type: ResourceType, connection: string, id: string): Promise<StoredText | undefined>
  /** Members by group, those nobody knows included; undefined when there are more than `most` in all. */
  members(connection: string, groupIds: readonly string[], most: number): Promise<Map<string, MemberText[]> | undefined>
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
   * with a ScimError when the command was refused (nothing of it is stored, but for what the guard counts), or `unavailable` when Postgres is away or
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
   * Does `work` once, over a store that is as this one and where what it writes can be read; afterwards nothing of it is stored. Its
   * writes append no decision. Rejects as `write` does, and with what `work` rejects with; with tooManyRequests when many such are under
   * way, and with `undecided` when it took too long, or met another write in a deadlock.
   */
  rehearse<T>(work: (stage: Stage) => Promise<T>): Promise<T>
}

/** Where a request is rehearsed: one write after the other, each seen by those that follow. */
export interface Stage {
  readonly records: LookedUpRecords
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

/** A group that is read bit by bit, however many members it has. */
export interface OpenGroup {
  readonly stored: StoredText | undefined
  /** To be gone through once. */
  members(): AsyncIterable<readonly MemberText[]>
  /** To be called in the end, whatever happened; does not reject. */
  close(): Promise<void>
}

export interface GroupOfUser {
  readonly id: string
  readonly display: string
  readonly direct: boolean
}

export interface Listing {
  /**
   * The number of all matches, of the same moment or a later one; undefined where a page by cursor was asked for and they could not be counted
   * within the bound.
   */
  readonly totalResults: number | undefined
  readonly records: readonly ListedRecord[]
  /** Where the next page begins; undefined on the last, and of a page by index. */
  readonly next: Place | undefined
}

export interface ListedRecord extends StoredText {
  readonly type: 'User' | 'Group'
}

export interface ListQuery {
  /** The resource types listed, each once, with what is asked of it. */
  readonly of: readonly {
    readonly type: ResourceType
    readonly filter: ResolvedFilter | undefined
    /** As `resolveSort` resolves it; without it for all of them the order is that of the ids. */
    readonly sortedBy: Target | undefined
  }[]
  readonly descending: boolean
  readonly page: PagingByIndex | PageAfter
  /** Where the SCIM endpoints of the connection are, for filters on addresses. */
  readonly baseUrl: string
}

export interface PageAfter {
  readonly method: 'cursor'
  readonly count: number
  /** Undefined for the first page. */
  readonly after: Place | DigestedPlace | undefined
  /** Known already, so that they are not counted again. */
  readonly totalResults?: number | undefined
}

/** A place in the order of a list: that of a record, whether it still is there or not. */
export interface Place {
  readonly id: string
  /** What the list is sorted by, as text; undefined where the record has no value. */
  readonly key: string | undefined
}

/** A place whose key is too long to be carried: it is that of the record, for as long as this has it. */
export interface DigestedPlace {
  readonly id: string
  /** SHA-256 of the key, as `digestOf` gives it. */
  readonly digest: string
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
  /** By what it is counted, should it deactivate or delete somebody; absent where it is not. */
  readonly guard?: GuardRules
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
