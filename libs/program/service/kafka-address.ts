import { readFileSync } from 'node:fs'
import type { Configuration } from '#libs/configuration/index'
import type { KafkaAddress } from '#libs/eventlog/kafka/index'
import type { kafkaSettings } from '../kafka-settings.ts'
import { StartError } from '../start-error.ts'
import { systemCode } from '#libs/process/index'

type KafkaConfiguration = Configuration<typeof kafkaSettings>

/** How Kafka is reached and logged in to. Throws StartError for a file that cannot be read. */
export function kafkaAddress(configuration: KafkaConfiguration, clientId: string): KafkaAddress {
  return {
    brokers: configuration.KAFKA_BROKERS ?? [],
    clientId,
    tls: configuration.KAFKA_TLS ? tlsOf(configuration) : undefined,
    sasl: saslOf(configuration),
  }
}

function tlsOf(configuration: KafkaConfiguration): KafkaAddress['tls'] {
  const { KAFKA_TLS_CERTIFICATE, KAFKA_TLS_KEY } = configuration
  const ca = pem('KAFKA_TLS_CA', configuration.KAFKA_TLS_CA)
  const certificate = pem('KAFKA_TLS_CERTIFICATE', KAFKA_TLS_CERTIFICATE)
  const key = pem('KAFKA_TLS_KEY', KAFKA_TLS_KEY)
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(certificate === undefined ? {} : { certificate }),
    ...(key === undefined ? {} : { key }),
  }
}

function saslOf(configuration: KafkaConfiguration): KafkaAddress['sasl'] {
  const {
    KAFKA_SASL_MECHANISM: mechanism,
    KAFKA_SASL_USERNAME: username,
    KAFKA_SASL_PASSWORD: password,
  } = configuration
  if (mechanism === undefined || username === undefined || password === undefined) return undefined
  return { mechanism, username, password }
}

function pem(variable: string, file: string | undefined): string | undefined {
  if (file === undefined) return undefined
  try {
    const text = readFileSync(file, 'utf8')
    if (text.includes('-----BEGIN ')) return text
  } catch (error) {
    throw new StartError(
      `The file ${file} of ${variable} cannot be read (${systemCode(error) ?? 'unknown reason'}). Make it readable for this user.`,
    )
  }
  throw new StartError(`The file ${file} of ${variable} is not PEM. Name one that begins with -----BEGIN.`)
}
