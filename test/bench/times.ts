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
export async function timesOf(work: Work): Promise<InProcess> {
  const [times] = await timesInTurns([work])
  if (times === undefined) throw new Error('the work was measured')
  return times
}

/** The same of each, a batch of one after a batch of the other: on a machine whose speed changes they are comparable. */
export async function timesInTurns(works: readonly Work[]): Promise<InProcess[]> {
  await batchesOf(works)
  return batchesOf(works)
}

async function batchesOf(works: readonly Work[]): Promise<InProcess[]> {
  const measured = works.map((work) => ({ work, times: Array.of<number>(), used: 0 }))
  for (let batch = 0; batch < batches; batch++) {
    for (const one of measured) {
      const { elapsed, used } = await oneBatch(one.work.next)
      one.times.push(elapsed / runsInBatch)
      one.used += used
    }
  }
  return measured.map(({ work: { what, goal }, times, used }) => {
    return { what, goal, median: median(times), fastest: Math.min(...times), processor: used / (batches * runsInBatch) }
  })
}

/** Microseconds of a batch, and of processor time in it. */
async function oneBatch(next: Work['next']): Promise<{ elapsed: number; used: number }> {
  const prepared = Array.from({ length: runsInBatch }, next)
  const before = process.threadCpuUsage()
  const began = performance.now()
  for (const run of prepared) {
    const running = run()
    if (running instanceof Promise) await running
  }
  const elapsed = (performance.now() - began) * 1_000
  const { user, system } = process.threadCpuUsage(before)
  return { elapsed, used: user + system }
}
