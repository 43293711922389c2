import { networkIn } from '#libs/addresses/index'
import { type Counted, type LookUpLimits, LookUps, memoryLimiter } from '#libs/rates/index'
import { problems } from '#libs/http/index'

/** Far less than of admin tokens: what a report names, up to a hundred keys, is looked up and digested at once. */
const limits: LookUpLimits = { unproved: 60, lookUps: 40 }

/** Bounds what is looked up of reports of leaked keys, in one process: anybody may send them, from as many networks as he has. */
export class ReportLookUps {
  readonly #lookUps: LookUps

  /** The clock tells milliseconds, and never goes back. */
  constructor(clock = () => performance.now()) {
    this.#lookUps = new LookUps(memoryLimiter(), limits, clock)
  }

  /**
   * Resolves once what a report from that address holds may be looked up. What it answers is to be given back when the report has revoked something, which a key
   * allows once. Rejects with Problem `tooManyRequests` where nothing is to be looked up.
   */
  async take(address: string): Promise<Counted> {
    const taken = await this.#lookUps.take(networkIn(address))
    if (taken.kind === 'counted') return taken
    throw problems.tooManyRequests(
      `reports came from ${taken.from}`,
      Math.max(1, Math.ceil(taken.milliseconds / 1_000)),
    )
  }
}
