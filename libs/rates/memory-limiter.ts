import { hash, randomUUID } from 'node:crypto'
import type { OwnLimiter, Rate } from './limiter.ts'

/** The limiter of a single process. */
export function memoryLimiter(options?: MemoryLimiterOptions): MemoryLimiter {
  return new MemoryLimiter(options)
}

export interface MemoryLimiterOptions {
  /** Subjects that are counted each for itself, within their windows. */
  readonly most?: number
  /** Milliseconds, which never go back. */
  readonly clock?: () => number
}

/** Instants are of the clock. */
interface Window {
  count: number
  /** From which its subjects' windows count; of a block none does. */
  readonly beganAt: number
  endsAt: number
}

/** Milliseconds. */
const sweepEvery = 1_000

/**
 * Counts each subject for itself, up to 50,000 of them. Whoever has very many subjects, such as networks, cannot have it take more memory: those beyond share one of
 * 4,096 counts, in the longest of their windows, and may be refused for what others sent. Nobody is let pass more than the rate in a window either way.
 */
export class MemoryLimiter implements OwnLimiter {
  readonly #windows = new Map<string, Window>()
  readonly #shared = new Map<string, Window>()
  readonly #most: number
  readonly #clock: () => number
  /** Nobody outside can tell who shares a count with whom. */
  readonly #salt = randomUUID()
  #sweptAt = -Infinity

  constructor({ most = 50_000, clock = () => performance.now() }: MemoryLimiterOptions = {}) {
    this.#most = most
    this.#clock = clock
  }

  async take(subject: string, { points, seconds }: Rate): Promise<number | undefined> {
    const now = this.#clock()
    const window = this.#windowOf(subject, now) ?? this.#begin(subject, now)
    window.endsAt = Math.max(window.endsAt, window.beganAt + seconds * 1_000)
    window.count++
    return window.count > points ? Math.max(1, window.endsAt - now) : undefined
  }

  async look(subject: string, { points }: Rate): Promise<number | undefined> {
    const now = this.#clock()
    const window = this.#windowOf(subject, now)
    return window !== undefined && window.count >= points ? window.endsAt - now : undefined
  }

  async giveBack(subject: string): Promise<void> {
    const window = this.#windowOf(subject, this.#clock())
    if (window !== undefined && window.count > 0) window.count--
  }

  /** Lets nothing more pass for so long, and no longer. */
  async block(subject: string, milliseconds: number): Promise<void> {
    const endsAt = this.#clock() + milliseconds
    this.#windows.set(subject, { count: Number.MAX_SAFE_INTEGER, beganAt: -Infinity, endsAt })
  }

  async close(): Promise<void> {}

  /** Who shares a count goes on with it until its window ends, also when there is room meanwhile: he would begin at nothing. */
  #windowOf(subject: string, now: number): Window | undefined {
    const window = this.#windows.get(subject) ?? this.#shared.get(this.#shareOf(subject))
    return window !== undefined && window.endsAt > now ? window : undefined
  }

  #begin(subject: string, now: number): Window {
    const window = { count: 0, beganAt: now, endsAt: now }
    if (this.#windows.has(subject) || this.#hasRoom(now)) this.#windows.set(subject, window)
    else this.#shared.set(this.#shareOf(subject), window)
    return window
  }

  #hasRoom(now: number): boolean {
    if (this.#windows.size >= this.#most && now - this.#sweptAt >= sweepEvery) {
      this.#sweptAt = now
      for (const [subject, { endsAt }] of this.#windows) if (endsAt <= now) this.#windows.delete(subject)
    }
    return this.#windows.size < this.#most
  }

  #shareOf(subject: string): string {
    return hash('sha256', `${this.#salt} ${subject}`).slice(0, 3)
  }
}
