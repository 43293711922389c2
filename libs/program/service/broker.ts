import type { KafkaEventLog } from '#libs/eventlog/kafka/index'
import type { HealthCheck } from '#libs/http/index'
import type { Logger } from '#libs/telemetry/index'

const firstLook = 2_000
const tellEvery = 10_000

/** Tells on the log while Kafka is waited for, every 10 seconds. Returns how to end that. */
export function tellOfBroker(log: KafkaEventLog, where: string, logger: Logger): () => void {
  const look = (): void => {
    if (log.broker === 'away')
      logger.warn(`waiting for Kafka at ${where}; what happens meanwhile is kept in the outbox`)
  }
  const first = setTimeout(look, firstLook).unref()
  const timer = setInterval(look, tellEvery).unref()
  return () => {
    clearTimeout(first)
    clearInterval(timer)
  }
}

/** Without Kafka a service answers all the same. */
export function brokerCheck(log: KafkaEventLog, where: string): HealthCheck {
  return {
    name: 'kafka',
    without: 'degraded',
    async check() {
      if (log.broker === 'away') throw new Error(`it does not answer at ${where}`)
    },
  }
}
