import type { Admission, TokenChannel } from '#libs/admin/index'
import type { EventLog } from '#libs/eventlog/index'
import type { Database } from '#libs/postgres/index'
import type { RuleCode } from './detections/rules.ts'
import type { Thresholds } from './detections/thresholds.ts'
import type { Keeping } from './store/trail.ts'

/** What the audit service is made of. */
export interface AuditParts extends Keeping {
  /** Holds the schema `audit`, brought up to date by `migrateAudit`. */
  readonly database: Database
  /** Takes events within transactions of `database`. */
  readonly log: Pick<EventLog, 'append'>
  readonly thresholds: Thresholds
  /** Told of each detection that was raised, once that is durable. */
  readonly raised: (rule: RuleCode) => void
  /** Who is let into its admin API, and where it hears that a token was revoked. */
  readonly admission: Admission
  readonly tokenChannel: TokenChannel
  readonly onFailure: (error: unknown) => void
}

/** Nest provider: the `AuditParts`. */
export const AUDIT_PARTS = Symbol('parts of the audit service')
