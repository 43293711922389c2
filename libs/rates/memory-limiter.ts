import { RateLimiterMemory, type RateLimiterRes } from 'rate-limiter-flexible'
import type { OwnLimiter, Rate } from './limiter.ts'

/** The limiter of a single process. */
export function memoryLimiter(): MemoryLimiter {
  return new MemoryLimiter()
}

/** Where each subject has a rate of its own, counting is left to the library, and comparing done here. */
export class MemoryLimiter implements OwnLimiter {
  readonly #counts = new RateLimiterMemory({ points: 1, duration: 1 })

  async take(subject: string, { points, seconds }: Rate): Promise<number | undefined> {
    const counted = await this.#counts.penalty(subject, 1, { customDuration: seconds })
    return counted.consumedPoints > points ? Math.max(1, counted.msBeforeNext) : undefined
  }

  async look(subject: string, { points }: Rate): Promise<number | undefined> {
    const counted: RateLimiterRes | null = await this.#counts.get(subject)
    if (counted === null || counted.msBeforeNext <= 0) return undefined
    return counted.consumedPoints >= points ? counted.msBeforeNext : undefined
  }

  async giveBack(subject: string): Promise<void> {
    const counted = await this.#counts.get(subject)
    if (counted !== null && counted.consumedPoints > 0) await this.#counts.reward(subject, 1)
  }

  /** Lets nothing more pass for so long. */
  async block(subject: string, milliseconds: number): Promise<void> {
    await this.#counts.set(subject, Number.MAX_SAFE_INTEGER, milliseconds / 1_000)
  }

  async close(): Promise<void> {}
}
