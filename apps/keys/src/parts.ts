import type { Admission } from '#libs/admin/index'
import type { Peppers } from '#libs/credentials/index'
import type { TrustChannel } from '#libs/cache/index'
import type { AppendQueue, EventLog } from '#libs/eventlog/index'
import type { Database, Entities } from '#libs/postgres/index'
import type { DataKeys, Keyring } from '#libs/sealing/index'
import type { Telemetry } from '#libs/telemetry/index'

/** What the keys service is built from; each program makes them and ends them. */
export interface KeysParts {
  readonly database: Database
  /** Opened with `keysSchema` and `keysEntities`. */
  readonly entities: Entities
  readonly log: EventLog
  /** For the decisions of reads and refusals. */
  readonly decisions: AppendQueue
  /** Tells gateways at once of what they must refuse. */
  readonly channel: Pick<TrustChannel, 'publish'>
  /** Whether what is appended, or announced on the channel, reaches anyone else for the time being. */
  readonly reaches: () => { readonly log: boolean; readonly channel: boolean }
  /** Waits until every request decided before that instant is known to this service; false when that takes longer than `longestWait`. */
  readonly hasHeardUntil: (instant: Date) => Promise<boolean>
  /** Milliseconds. */
  readonly longestWait: number
  readonly peppers: Peppers
  /** Who is let into the admin API. */
  readonly admission: Admission
  /** What data keys are wrapped by. */
  readonly keyring: Keyring
  readonly dataKeys: DataKeys
  /** Where identity providers reach the gateway, such as http://127.0.0.1:8080. */
  readonly publicUrl: string
  readonly clock: () => Date
  readonly telemetry: Pick<Telemetry, 'span' | 'metrics'>
  /** Told of failures of work that no request waits for. */
  readonly onFailure: (error: unknown) => void
}

export const KEYS_PARTS = Symbol('KEYS_PARTS')
