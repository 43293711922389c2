import type { Admission } from '#libs/admin/index'
import type { Peppers } from '#libs/credentials/index'
import type { Nonces, TrustChannel } from '#libs/cache/index'
import type { Limiter } from '#libs/rates/index'
import type { AppendQueue, EventLog } from '#libs/eventlog/index'
import type { Database } from '#libs/postgres/index'
import type { DataKeys } from '#libs/sealing/index'
import type { Logger, Telemetry } from '#libs/telemetry/index'
import type { RateLimits } from './rates.ts'
import type { BodyLimits } from './read-body.ts'
import type { Currency } from './currency.ts'

/** What the gateway is built from; each program makes them and ends them. */
export interface GatewayParts {
  /** Holds the schema `gateway`, brought up to date by `migrateGateway`. */
  readonly database: Database
  readonly log: EventLog
  /** For the records of reads and refusals. */
  readonly decisions: AppendQueue
  /** By which the keys service tells at once of what must be refused. */
  readonly channel: Pick<TrustChannel, 'subscribe'>
  /** Whether what is known of keys is no older than it may be. */
  readonly currency: Currency
  readonly peppers: Peppers
  /** Of signed requests. */
  readonly nonces: Pick<Nonces, 'take'>
  readonly dataKeys: DataKeys
  /** Milliseconds for which what was opened by data keys is held in memory. */
  readonly dataKeyLifetime: number
  /** What counts requests for all gateways, and how many are taken. */
  readonly limiter: Limiter
  readonly rateLimits: RateLimits
  /** Milliseconds for which deleted users and groups can be restored. */
  readonly deletedRetention: number
  /** Where identity providers reach the gateway, such as http://127.0.0.1:8080. */
  readonly publicUrl: string
  readonly bodyLimits: BodyLimits
  /** Milliseconds that a request may take to arrive whole. */
  readonly requestTimeout: number
  /** Milliseconds that the search for a list may take. */
  readonly listTimeout: number
  /** Milliseconds for which a cursor of a list is good. */
  readonly cursorTimeout: number
  /** Who is let into its admin API. */
  readonly admission: Admission
  /** Milliseconds for which captured requests of sandboxes are kept. */
  readonly captureRetention: number
  readonly clock: () => Date
  readonly telemetry: Telemetry
  readonly logger: Logger
  /** Told of failures that no request waits for. */
  readonly onFailure: (error: unknown) => void
}

export const GATEWAY_PARTS = Symbol('GATEWAY_PARTS')
