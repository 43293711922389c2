import { Admission, KnownTokens, type TokenLookUps } from '#libs/admin/index'
import type { Peppers } from '#libs/credentials/index'
import type { EventLog } from '#libs/eventlog/index'
import type { Database } from '#libs/postgres/index'
import { keysSchema } from './store/entities.ts'
import { RenewedTokenDigests } from './store/renewed-token-digests.ts'

export interface KeysAdmissionParts {
  /** The token of the data folder or the environment. */
  readonly adminToken: string
  readonly database: Database
  readonly lookUps: TokenLookUps
  readonly log: EventLog
  readonly peppers: Peppers
  readonly clock: () => Date
  readonly onFailure: (error: unknown) => void
}

/** Who is let into the admin API of the service that makes the tokens: it knows of all that became of them. */
export function keysAdmission({ adminToken, ...parts }: KeysAdmissionParts): Admission {
  const { database, lookUps, peppers, clock, onFailure } = parts
  const tokens = new KnownTokens(database, keysSchema)
  const digests = new RenewedTokenDigests({ ...parts, tokens })
  return new Admission({
    bootstrap: [adminToken],
    tokens,
    lookUps,
    peppers,
    clock,
    isCurrent: () => true,
    onFailure,
    outdated: (token, secret) => digests.renew(token, secret),
  })
}
