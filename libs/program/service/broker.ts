import type { BrokerState, KafkaEventLog } from '#libs/eventlog/kafka/index'
import type { HealthCheck } from '#libs/http/index'
import type { Logger } from '#libs/telemetry/index'

const firstLook = 2_000
const tellEvery = 10_000

export interface BrokerTeller {
  changed(state: BrokerState): void
  end(): void
}

/** Tells on the log while Kafka is waited for, every 10 seconds, and when that is over. */
export function tellOfBroker(where: string, logger: Logger): BrokerTeller {
  let isAway = true
  let told = false
  const look = (): void => {
    if (!isAway) return
    told = true
    logger.warn(`waiting for Kafka at ${where}; events are kept until it is there`)
  }
  const first = setTimeout(look, firstLook).unref()
  const timer = setInterval(look, tellEvery).unref()
  return {
    changed(state) {
      isAway = state === 'away'
      look()
      if (isAway || !told) return
      told = false
      logger.info(`Kafka at ${where} is there`)
    },
    end() {
      clearTimeout(first)
      clearInterval(timer)
    },
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
