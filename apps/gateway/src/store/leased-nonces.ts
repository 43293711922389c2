import { type KeptAhead, memoryNonces, type Nonces, type SignedNonce } from '#libs/cache/index'
import { type Database, Lease, type LeaseTaken } from '#libs/postgres/index'
import { endsWithin, every, type Repeating } from '#libs/timing/index'
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
 * Nonces in memory, of the one process over this database that holds the lease, and is the only one to go by it. Any other knows of none, and takes them over when that one has ended, or
 * cannot have known for the length of the lease that it holds it: what was signed until then it does not know.
 */
export class LeasedNonces implements Pick<Nonces, 'take'> {
  readonly #options: LeasedNoncesOptions
  readonly #times: { readonly lease: number; readonly every: number }
  readonly #lease: Lease
  #nonces: Nonces | undefined
  /** Nobody else takes nonces before: by `performance.now()`, which stands still while a machine sleeps, and by the clock, which may be set back. */
  #heldUntil = { elapsed: -Infinity, instant: -Infinity }
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
    const letGo = async (): Promise<void> => {
      await this.#renewing?.end()
      await this.#lease.release(this.#options.clock())
    }
    await endsWithin(parting, letGo().catch(this.#options.onFailure))
  }

  get #isHeld(): boolean {
    const { elapsed, instant } = this.#heldUntil
    return performance.now() < elapsed && this.#options.clock().getTime() < instant
  }

  async #take(): Promise<void> {
    const asked = { elapsed: performance.now(), instant: this.#options.clock().getTime() }
    const taken = await this.#lease.take()
    if (this.#isClosed) return
    if (taken === undefined || taken.from !== 'itself' || !this.#isHeld) this.#nonces = undefined
    if (taken === undefined) return this.#tellElsewhere(true)
    if (taken.from !== 'itself') this.#follow(taken)
    if (this.#nonces === undefined && performance.now() >= taken.aloneFrom) await this.#begin()
    const { lease } = this.#times
    this.#heldUntil = { elapsed: asked.elapsed + lease, instant: asked.instant + lease }
    if (this.#nonces !== undefined) this.#tellElsewhere(false)
  }

  #follow({ from, aloneFrom }: LeaseTaken): void {
    if (from === 'another') {
      const wait = Math.max(0, aloneFrom - performance.now())
      // The clock of the other may be ahead of this one's.
      this.#since = this.#options.clock().getTime() + wait + skew
    } else this.#since = typeof from === 'object' ? from.letGoAt.getTime() : -Infinity
  }

  /** Knows nothing that was created before, nor, once that is stored, what is ahead of the clock and was taken before. */
  async #begin(): Promise<void> {
    const { database, clock, limit, onFailure } = this.#options
    const ahead = await openSignedAhead(database, { since: clock(), onFailure })
    const keep: KeptAhead['keep'] = async (signer, span, now) =>
      (await ahead.keep(signer, span, now)) && (await this.#isHeldStill())
    if (!this.#isClosed) this.#nonces = memoryNonces({ clock, limit, ahead: { ...ahead, keep } })
  }

  /** Asked of the database: where a machine slept, and its clocks with it, what another took since is ahead of them. */
  async #isHeldStill(): Promise<boolean> {
    try {
      return await this.#lease.isHeld(this.#options.database)
    } catch (error) {
      this.#options.onFailure(error)
      return false
    }
  }

  #tellElsewhere(isSo: boolean): void {
    if (isSo !== this.#isElsewhere) this.#options.heldElsewhere(isSo)
    this.#isElsewhere = isSo
  }
}
