/** Milliseconds after which a broker that answers no fetch is asked for none any more: the consumer has ended, or goes by another. */
const longestSilence = 60_000

/** Asks which brokers lead these partitions (TOPIC/NUMBER each): their addresses. */
export type AskLeaders = (partitions: readonly string[]) => Promise<ReadonlySet<string>>

/**
 * When the brokers last answered that a member of a group fetches from. These may be others once partitions have changed hands: until it is
 * known who leads those that it has now, and each of them has answered, that is no later than it was before.
 */
export class Answers {
  readonly #askLeaders: AskLeaders
  readonly #clock: () => number
  #partitions: readonly string[] = []
  #leaders: ReadonlySet<string> | undefined
  #assignedAt = 0
  /** By broker, since the partitions were assigned. */
  readonly #at = new Map<string, number>()
  #before: number | undefined
  #asking = false

  constructor(askLeaders: AskLeaders, clock: () => number) {
    this.#askLeaders = askLeaders
    this.#clock = clock
  }

  /** The broker at this address answered what it was asked to fetch at that time of the clock: before the partitions were assigned, that was others. */
  answered(broker: string, askedAt: number): void {
    if (askedAt > this.#assignedAt) this.#at.set(broker, this.#clock())
  }

  /** From now on these partitions are fetched, in place of those before. */
  assigned(partitions: readonly string[]): void {
    this.#before = this.oldest()
    this.#partitions = partitions
    this.#leaders = undefined
    this.#assignedAt = this.#clock()
    this.#at.clear()
    void this.look()
  }

  /** Asks who leads the partitions while that is not known: to be called now and then, for Kafka may not have answered. */
  async look(): Promise<void> {
    if (this.#asking) return
    this.#asking = true
    try {
      while (this.#leaders === undefined) {
        const partitions = this.#partitions
        const leaders = await this.#askLeaders(partitions)
        if (partitions === this.#partitions) this.#leaders = leaders
      }
    } catch {
      // The next look asks again.
    } finally {
      this.#asking = false
    }
  }

  /** When the one that has been silent for longest last answered, in milliseconds of the clock; undefined until all have, and where nothing is fetched. */
  oldest(): number | undefined {
    if (this.#leaders === undefined) return this.#before
    const since = this.#clock() - longestSilence
    // A broker that went away for good: what stood there is fetched from others.
    for (const [broker, at] of this.#at) if (at < since) this.#at.delete(broker)
    const isAwaited = this.#assignedAt >= since && [...this.#leaders].some((broker) => !this.#at.has(broker))
    if (isAwaited) return this.#before
    return this.#at.size === 0 ? undefined : Math.min(...this.#at.values())
  }
}
