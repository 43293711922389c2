import { digest, type Peppers, type Secret } from '#libs/credentials/index'
import type { EventLog } from '#libs/eventlog/index'
import { makeEvent } from '#libs/events/index'
import type { Database } from '#libs/postgres/index'
import type { KnownKey } from '../principal.ts'
import type { DigestRenewal } from '../way-in.ts'

export interface RenewedDigestsParts {
  readonly database: Database
  readonly log: EventLog
  readonly peppers: Peppers
  readonly clock: () => Date
  /** What the gateway remembers of the key is to be read anew. */
  readonly changed: (kid: string) => void
  readonly onFailure: (error: unknown) => void
}

/**
 * Digests keys under the current pepper when one is used that was digested under an older: only then its secret is known. Nobody waits for it, and what
 * fails is done at the next use.
 */
export class RenewedDigests implements DigestRenewal {
  readonly #parts: RenewedDigestsParts
  readonly #underWay = new Set<string>()

  constructor(parts: RenewedDigestsParts) {
    this.#parts = parts
  }

  renew(key: KnownKey, secret: Secret): void {
    // While a pepper is added, others may have one already that is newer than what counts as the current here.
    if (key.pepperVersion >= this.#parts.peppers.current || this.#underWay.has(key.kid)) return
    this.#underWay.add(key.kid)
    this.#keep(key, secret)
      .catch(this.#parts.onFailure)
      .finally(() => this.#underWay.delete(key.kid))
  }

  /** In one transaction with the event, once, whichever of several gateways comes first. */
  async #keep(
    { tenant, connection, environment, kid, pepperVersion: before }: KnownKey,
    secret: Secret,
  ): Promise<void> {
    const { database, log, peppers, clock, changed } = this.#parts
    const renewed = digest(peppers, peppers.current, secret)
    await database.transaction(async (transaction) => {
      const kept = await transaction.query(renewDigest, [connection, kid, before, peppers.current, renewed])
      transaction.afterCommit(() => changed(kid))
      if (kept.length === 0) return
      const version = peppers.current
      const origin = { source: 'gateway', subject: kid, owner: connection, version, time: clock() } as const
      const told = { pepperVersion: peppers.current, digest: renewed.toString('base64url') }
      const payload = { tenant, connection, environment, kid, ...told }
      log.append(transaction, [makeEvent('key-digest.renewed', origin, payload)])
    })
  }
}

const renewDigest = `
  UPDATE gateway.known_key SET pepper_version = $4, digest = $5
  WHERE connection = $1 AND kid = $2 AND pepper_version = $3 RETURNING kid`
