import { setTimeout as wait } from 'node:timers/promises'
import { memoryNonces, type Nonces, type SignedNonce } from '#libs/cache/index'
import { type Database, Lease } from '#libs/postgres/index'
import { every, type Repeating } from '#libs/timing/index'
import { gatewaySchema } from '../names.ts'
import { openSignedAhead } from './signed-ahead.ts'

export interface LeasedNoncesOptions {
  readonly database: Database
  readonly clock: () => Date
  /** As `MemoryNoncesOptions.limit`. */
  readonly limit: number
  readonly onFailure: (error: unknown) => void
  /** Told whenever another process comes to have them, and when this one does after that. */
  readonly heldElsewhere: (isSo: boolean) => void
  /** Milliseconds: how long the lease is, and how often it is taken again. */
  readonly times?: { readonly lease: number; readonly every: number }
}

const usually = { lease: 5_000, every: 1_000 }
/** Milliseconds by which clocks of two machines differ at the most. */
const skew = 2_000
/** Milliseconds that letting go may take: else the lease lapses by itself. */
const parting = 500

/**
 * Nonces in memory, of the one process over this database that holds the lease. Any other knows of none, and takes them over when that one has ended, or cannot
 * have known for the length of the lease that it holds it: what was signed until then it does not know.
 */
export class LeasedNonces implements Pick<Nonces, 'take'> {
  readonly #options: LeasedNoncesOptions
  readonly #times: { readonly lease: number; readonly every: number }
  readonly #lease: Lease
  #nonces: Nonces | undefined
  /** By `performance.now()`: nobody else has the lease before. */
  #heldUntil = -Infinity
  /** What was created until then may have been taken by another process. */
  #since = -Infinity
  #isElsewhere = false
  #isClosed = false
  #renewing: Repeating | undefined

  private constructor(options: LeasedNoncesOptions) {
    this.#options = options
    this.#times = options.times ?? usually
    this.#lease = new Lease(options.database, gatewaySchema, 'nonces', this.#times.lease)
  }

  /** Rejects with the driver's error when the database cannot be asked. */
  static async open(options: LeasedNoncesOptions): Promise<LeasedNonces> {
    const opened = new LeasedNonces(options)
    await opened.#take()
    opened.#renewing = every(opened.#times.every, () => opened.#take(), options.onFailure)
    return opened
  }

  async take(signed: SignedNonce, milliseconds: number): Promise<boolean | undefined> {
    const nonces = this.#nonces
    if (nonces === undefined || !this.#isHeld || signed.created.getTime() <= this.#since) return undefined
    const taken = await nonces.take(signed, milliseconds)
    // What was waited for may have taken longer than the lease.
    return this.#isHeld && nonces === this.#nonces ? taken : undefined
  }

  /** Lets another process take them at once, where the database can be asked. Never rejects. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#nonces = undefined
    this.#heldUntil = -Infinity
    const letGo = async (): Promise<void> => {
      await this.#renewing?.end()
      await this.#lease.release()
    }
    await Promise.race([letGo().catch(this.#options.onFailure), wait(parting, undefined, { ref: false })])
  }

  get #isHeld(): boolean {
    return performance.now() < this.#heldUntil
  }

  async #take(): Promise<void> {
    const asked = performance.now()
    const taken = await this.#lease.take()
    if (this.#isClosed) return
    if (taken === undefined) return this.#tellElsewhere(true)
    // Answered before it lapsed, it was taken before it lapsed: nobody else had it between.
    if (!this.#isHeld || this.#nonces === undefined) await this.#begin(taken.vacant)
    this.#heldUntil = asked + this.#times.lease
    this.#tellElsewhere(false)
  }

  /** `vacant` as of `LeaseTaken`. */
  async #begin(vacant: number): Promise<void> {
    const { database, clock, limit, onFailure } = this.#options
    this.#nonces = undefined
    const ahead = await openSignedAhead(database, { since: clock(), onFailure })
    // Of the process that had them until then, the clock may be ahead of this one's.
    this.#since = clock().getTime() - vacant + skew
    if (!this.#isClosed) this.#nonces = memoryNonces({ clock, limit, ahead })
  }

  #tellElsewhere(isSo: boolean): void {
    if (isSo !== this.#isElsewhere) this.#options.heldElsewhere(isSo)
    this.#isElsewhere = isSo
  }
}
