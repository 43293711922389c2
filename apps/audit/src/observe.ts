import type { Database } from '#libs/postgres/index'
import { metrics, type Telemetry } from '#libs/telemetry/index'
import { endsWithin } from '#libs/timing/index'
import { type RuleCode, ruleCodes } from './detections/rules.ts'
import { countOpen } from './store/detections.ts'

/** Milliseconds that a scrape waits for the count; then it is told what was known last. */
const patience = 1_000

/** Counts what is raised, by the function it gives, and tells how many detections are open whenever metrics are asked for. */
export function observeDetections(
  database: Database,
  telemetry: Pick<Telemetry, 'metrics'>,
  clock: () => Date,
): (rule: RuleCode) => void {
  const raised = telemetry.metrics.counter(metrics.detections)
  // So that an alert can tell none from not there.
  for (const rule of ruleCodes) raised.add(0, { rule })
  let known: ReadonlyMap<string, number> = new Map()
  let counting: Promise<void> | undefined
  const count = async (): Promise<void> => {
    known = await countOpen(database, clock()).catch(() => known)
    counting = undefined
  }
  telemetry.metrics.gauge(metrics.detectionsOpen, async () => {
    await endsWithin(patience, (counting ??= count()))
    return ruleCodes.map((rule) => ({ value: known.get(rule) ?? 0, labels: { rule } }))
  })
  return (rule) => raised.add(1, { rule })
}
