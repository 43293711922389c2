/**
 * How often a property is tried: so many times, or PROPERTY_RUNS times where that is set. PROPERTY_SEED repeats what a failure
 * printed.
 */
export function runs(ordinarily: number): { numRuns: number; seed?: number } {
  const { PROPERTY_RUNS: numRuns, PROPERTY_SEED: seed } = process.env
  return {
    numRuns: numRuns === undefined ? ordinarily : Number(numRuns),
    ...(seed === undefined ? {} : { seed: Number(seed) }),
  }
}
