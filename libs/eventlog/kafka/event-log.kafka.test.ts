import { Database } from '#libs/postgres/index'
import { startOwnKafka, type OwnKafka } from '#test/servers/own-kafka'
import { startOwnPostgres, type OwnPostgres } from '#test/servers/own-postgres'
import { describeEventLog, type Harness } from '../conformance/index.ts'
import { openKafkaEventLog, OutboxTables, type KafkaEventLog } from './index.ts'
import { Outbox } from './outbox.ts'

const day = 24 * 60 * 60 * 1000

let postgres: OwnPostgres
let kafka: OwnKafka
beforeAll(async () => {
  ;[postgres, kafka] = await Promise.all([startOwnPostgres(), startOwnKafka()])
}, 120_000)
afterAll(() => Promise.all([postgres.stop(), kafka.stop()]), 60_000)

let opened = 0

async function openHarness(): Promise<Harness & { readonly log: KafkaEventLog }> {
  const url = await postgres.createDatabase()
  const prefix = `t${process.pid}-${Date.now()}-${++opened}`
  const database = new Database({ url, applicationName: 'conformance', connections: 16 })
  await database.query('CREATE SCHEMA publisher')
  for (const statement of OutboxTables.create('publisher').split(';')) {
    if (statement.trim() !== '') await database.query(statement)
  }
  const openLog = () =>
    openKafkaEventLog({
      kafka: { brokers: [kafka.brokers], clientId: 'conformance' },
      topics: { prefix, partitions: 4, replication: 1, retention: 30 * day },
      outbox: { database, schema: 'publisher', source: 'keys' },
      onFailure: (error) => void process.stderr.write(`${String(error)}\n`),
    })
  const log = openLog()
  const logs = [log]
  const outbox = new Outbox('publisher')
  return {
    log,
    database,
    async another() {
      const other = openLog()
      logs.push(other)
      return other
    },
    async appendText(event, payload) {
      await database.transaction(async (transaction) => {
        outbox.append(transaction, [event], () => {})
        await transaction.query('UPDATE publisher.outbox SET payload = $2 WHERE id = $1', [event.id, payload])
      })
    },
    outage: (meanwhile) => postgres.outage(() => kafka.outage(meanwhile)),
    async close() {
      for (const each of logs) await each.close()
      await database.close()
    },
  }
}

describeEventLog('Kafka', openHarness)
