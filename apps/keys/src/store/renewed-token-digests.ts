import type { KnownToken, KnownTokens } from '#libs/admin/index'
import { digest, type Peppers, type Secret } from '#libs/credentials/index'
import type { EventLog } from '#libs/eventlog/index'
import { makeEvent } from '#libs/events/index'
import type { Database } from '#libs/postgres/index'

export interface RenewedTokenDigestsParts {
  readonly database: Database
  readonly log: EventLog
  readonly peppers: Peppers
  readonly clock: () => Date
  /** What is remembered of the token is to be read anew. */
  readonly tokens: Pick<KnownTokens, 'forget'>
  readonly onFailure: (error: unknown) => void
}

/**
 * Digests an admin token under the current pepper when one is used here that was digested under an older, and tells the other services.
 * Nobody waits for it, and what fails is done at the next use.
 */
export class RenewedTokenDigests {
  readonly #parts: RenewedTokenDigestsParts
  readonly #underWay = new Set<string>()

  constructor(parts: RenewedTokenDigestsParts) {
    this.#parts = parts
  }

  /** `token` has just been proved by the secret. */
  renew(token: KnownToken, secret: Secret): void {
    if (this.#underWay.has(token.id)) return
    this.#underWay.add(token.id)
    this.#keep(token, secret)
      .catch(this.#parts.onFailure)
      .finally(() => this.#underWay.delete(token.id))
  }

  /** In one transaction with the event, once, whichever of several instances comes first. */
  async #keep({ id, pepperVersion: before }: KnownToken, secret: Secret): Promise<void> {
    const { database, log, peppers, clock, tokens } = this.#parts
    const renewed = digest(peppers, peppers.current, secret)
    await database.transaction(async (transaction) => {
      const kept = await transaction.query(renewDigest, [id, before, peppers.current, renewed])
      transaction.afterCommit(() => tokens.forget([id]))
      if (kept.length === 0) return
      const origin = { source: 'keys', subject: id, owner: '', version: peppers.current, time: clock() } as const
      const payload = { token: id, pepperVersion: peppers.current, digest: renewed.toString('base64url') }
      log.append(transaction, [makeEvent('admin-token-digest.renewed', origin, payload)])
    })
  }
}

const renewDigest = `
  UPDATE keys.admin_token SET pepper_version = $3, digest = $4
  WHERE id = $1 AND pepper_version = $2 AND revoked_at IS NULL RETURNING id`
