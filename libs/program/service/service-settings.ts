import { type Configuration, required } from '#libs/configuration/index'
import { httpSettings } from '../http-settings.ts'
import { kafkaSettings } from '../kafka-settings.ts'
import { only, settings } from '../settings.ts'

/** What every service reads that is a program of its own. */
export const serviceSettings = {
  ...only(
    'LATCHKEY_DATA',
    'LATCHKEY_SERVICES',
    'LATCHKEY_EVENT_RETENTION',
    'LATCHKEY_LOG_LEVEL',
    'LATCHKEY_RATE_UNPROVED',
    'LATCHKEY_RATE_LOOKUPS',
    'OTEL_EXPORTER_OTLP_ENDPOINT',
  ),
  ...httpSettings,
  ...kafkaSettings,
  DATABASE_URL: required(settings.DATABASE_URL),
  KAFKA_BROKERS: required(settings.KAFKA_BROKERS),
}

export type ServiceConfiguration = Configuration<typeof serviceSettings>
