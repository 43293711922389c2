/** What fast-check takes beside a property. */
export interface Runs {
  readonly numRuns: number
  readonly seed?: number
  readonly interruptAfterTimeLimit?: number
}

/**
 * How often a property is tried: so many times, but no longer than 20 seconds; or PROPERTY_RUNS times where that is set, however long it
 * takes. PROPERTY_SEED repeats what a failure printed.
 */
export function runs(ordinarily: number): Runs {
  const { PROPERTY_RUNS: numRuns, PROPERTY_SEED: seed } = process.env
  return {
    // A failure is shrunk within that time too, so that it is told before the test ends.
    ...(numRuns === undefined
      ? { numRuns: ordinarily, interruptAfterTimeLimit: 20_000 }
      : { numRuns: Number(numRuns) }),
    ...(seed === undefined ? {} : { seed: Number(seed) }),
  }
}
