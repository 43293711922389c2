import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readSettings } from '../settings.ts'
import { kafkaSettings } from '../kafka-settings.ts'
import { kafkaAddress } from './kafka-address.ts'

const folder = mkdtempSync(join(tmpdir(), 'latchkey-pem-'))
afterAll(() => rmSync(folder, { recursive: true }))

function addressOf(env: Readonly<Record<string, string>>) {
  return kafkaAddress(readSettings({ KAFKA_BROKERS: 'one:9092, two:9092', ...env }, kafkaSettings), 'latchkey gateway')
}

test('without further settings Kafka is spoken to in the clear, and not logged in to', () => {
  expect(addressOf({})).toEqual({ brokers: ['one:9092', 'two:9092'], clientId: 'latchkey gateway' })
})

test('files of TLS are read as the text they hold', () => {
  const file = join(folder, 'ca.pem')
  writeFileSync(file, '-----BEGIN CERTIFICATE-----\n')
  expect(addressOf({ KAFKA_TLS: 'true', KAFKA_TLS_CA: file }).tls).toEqual({ ca: '-----BEGIN CERTIFICATE-----\n' })
  expect(addressOf({ KAFKA_TLS: 'true' }).tls).toEqual({})
})

test.each([
  [
    { KAFKA_SASL_USERNAME: 'ada' },
    'KAFKA_SASL_PASSWORD holds nothing; it should hold some text, because KAFKA_SASL_USERNAME is set',
  ],
  [
    { KAFKA_SASL_PASSWORD: 'engine' },
    'KAFKA_SASL_MECHANISM holds nothing; it should hold one of plain, scram-sha-256, scram-sha-512, because KAFKA_SASL_PASSWORD is set',
  ],
  [
    { KAFKA_TLS: 'true', KAFKA_TLS_KEY: '/nowhere' },
    'KAFKA_TLS_CERTIFICATE holds nothing; it should hold some text, because KAFKA_TLS_KEY is set',
  ],
  [{ KAFKA_TLS: 'true', KAFKA_TLS_CA: '/nowhere' }, 'The file /nowhere of KAFKA_TLS_CA cannot be read (ENOENT)'],
  [{ KAFKA_TLS: 'true', KAFKA_TLS_CA: '/dev/null' }, 'The file /dev/null of KAFKA_TLS_CA is not PEM'],
])('what cannot work together is told: %j', (env, told) => {
  expect(() => addressOf(env)).toThrow(told)
})

test('a login is passed on whole', () => {
  const env = { KAFKA_SASL_MECHANISM: 'scram-sha-512', KAFKA_SASL_USERNAME: 'ada', KAFKA_SASL_PASSWORD: 'engine' }
  expect(addressOf(env).sasl).toEqual({ mechanism: 'scram-sha-512', username: 'ada', password: 'engine' })
})
