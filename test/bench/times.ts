import { median } from './figures.ts'

/** One piece of work, without HTTP. */
export interface Work {
  readonly what: string
  /** What the median should stay below, in microseconds. */
  readonly goal: number
  /** The run of that number, from 0 to `runs` - 1. */
  readonly run: (number: number) => unknown
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
/** How often work is done, the warming up included. */
export const runs = 2 * batches * runsInBatch

/** Of 1,600 batches, after as many to warm up: the median, and the fastest, which others on the machine disturbed least. */
export async function timesOf({ what, goal, run }: Work): Promise<InProcess> {
  await elapsedIn(run, 0)
  const used = process.threadCpuUsage()
  const elapsed = await elapsedIn(run, batches)
  const { user, system } = process.threadCpuUsage(used)
  const processor = (user + system) / (batches * runsInBatch)
  return { what, goal, median: median(elapsed), fastest: Math.min(...elapsed), processor }
}

/** Microseconds of one run in each batch. */
async function elapsedIn(run: Work['run'], first: number): Promise<number[]> {
  const times: number[] = []
  for (let batch = first; batch < first + batches; batch++) {
    const began = performance.now()
    for (let number = batch * runsInBatch; number < (batch + 1) * runsInBatch; number++) {
      const running = run(number)
      if (running instanceof Promise) await running
    }
    times.push(((performance.now() - began) * 1_000) / runsInBatch)
  }
  return times
}
