import { median } from './figures.ts'

/** One piece of work, without HTTP. */
export interface Work {
  readonly what: string
  /** What the median should stay below, in microseconds. */
  readonly goal: number
  /** The next run: what it works on is made right before, as requests come, and its time is not that of the run. */
  readonly next: () => () => unknown
}

/** The same, and what was measured. */
export interface InProcess {
  readonly what: string
  /** Microseconds. */
  readonly median: number
  readonly fastest: number
  /** Microseconds of processor time of this thread, the mean: comparable also on a busy machine. */
  readonly processor: number
  readonly goal: number
}

const batches = 1_600
const runsInBatch = 5

/** Of 1,600 batches, after as many to warm up: the median, and the fastest, which others on the machine disturbed least. */
export async function timesOf({ what, goal, next }: Work): Promise<InProcess> {
  await elapsedIn(next)
  const { times, processor } = await elapsedIn(next)
  return { what, goal, median: median(times), fastest: Math.min(...times), processor }
}

/** Microseconds of one run in each batch, and of processor time of one in the mean. */
async function elapsedIn(next: Work['next']): Promise<{ times: number[]; processor: number }> {
  const times: number[] = []
  let used = 0
  for (let batch = 0; batch < batches; batch++) {
    const prepared = Array.from({ length: runsInBatch }, next)
    const before = process.threadCpuUsage()
    const began = performance.now()
    for (const run of prepared) {
      const running = run()
      if (running instanceof Promise) await running
    }
    times.push(((performance.now() - began) * 1_000) / runsInBatch)
    const { user, system } = process.threadCpuUsage(before)
    used += user + system
  }
  return { times, processor: used / (batches * runsInBatch) }
}
