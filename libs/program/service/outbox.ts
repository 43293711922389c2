import type { KafkaEventLog } from '#libs/eventlog/kafka/index'
import { metrics, type Telemetry } from '#libs/telemetry/index'
import { endsWithin } from '#libs/timing/index'

/** Milliseconds that a scrape waits for the count; then it is told what was known last. */
const patience = 1_000

/** Tells, as metrics, how much waits to be published, as counted when they are asked for. */
export function tellOfOutbox(log: Pick<KafkaEventLog, 'backlog'>, telemetry: Telemetry): void {
  let known: Awaited<ReturnType<KafkaEventLog['backlog']>> = { events: 0, seconds: 0, refused: 0 }
  let counting: Promise<void> | undefined
  const count = async (): Promise<void> => {
    known = await log.backlog().catch(() => known)
    counting = undefined
  }
  const counted = async (): Promise<typeof known> => {
    await endsWithin(patience, (counting ??= count()))
    return known
  }
  telemetry.metrics.gauge(metrics.outboxWaiting, async () => (await counted()).events)
  telemetry.metrics.gauge(metrics.outboxAge, async () => (await counted()).seconds)
  telemetry.metrics.gauge(metrics.outboxRefused, async () => (await counted()).refused)
}
