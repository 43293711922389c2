import { type BrokerState, type KafkaEventLog, KafkaTrouble } from '#libs/eventlog/kafka/index'
import type { HealthCheck } from '#libs/http/index'
import type { Logger } from '#libs/telemetry/index'
import { tellOfAbsence } from '../absence.ts'
import type { WatchedServer } from '../failures.ts'

export interface WatchedBroker extends WatchedServer {
  changed(state: BrokerState): void
  end(): void
}

/** Kafka, which is away until it has answered for the first time. */
export function watchBroker(where: string, isPublisher: boolean, logger: Logger): WatchedBroker {
  const absence = tellOfAbsence({
    server: `Kafka at ${where}`,
    meanwhile: isPublisher
      ? 'Events wait in the outbox, and what others publish is not heard, until it is back.'
      : 'Requests are answered of what was known before; events are followed again when it is back.',
    logger,
  })
  absence.away()
  return {
    explains(error) {
      if (!(error instanceof KafkaTrouble) || !absence.isAway) return false
      absence.failed(error)
      return true
    },
    changed(state) {
      if (state === 'away') absence.away()
      else absence.back()
    },
    end: () => absence.end(),
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
