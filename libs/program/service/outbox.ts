import type { KafkaEventLog } from '#libs/eventlog/kafka/index'
import { metrics, type Telemetry } from '#libs/telemetry/index'

const lookEvery = 5_000

/** Tells, as metrics, how much waits to be published. Returns how to end that. */
export function watchOutbox(log: KafkaEventLog, telemetry: Telemetry): () => void {
  let known = { events: 0, seconds: 0 }
  telemetry.metrics.gauge(metrics.outboxWaiting, () => known.events)
  telemetry.metrics.gauge(metrics.outboxAge, () => known.seconds)
  const look = async (): Promise<void> => {
    known = await log.backlog().catch(() => known)
  }
  const timer = setInterval(() => void look(), lookEvery).unref()
  return () => clearInterval(timer)
}
