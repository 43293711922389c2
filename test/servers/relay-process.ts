import { openKafkaEventLog } from '#libs/eventlog/kafka/index'
import { Database } from '#libs/postgres/index'

/** A relay in a process of its own, for tests that freeze it: publishes the outbox of the schema `publisher` until it is killed. */
const [url = '', brokers = '', prefix = ''] = process.argv.slice(2)
openKafkaEventLog({
  kafka: { brokers: [brokers], clientId: 'relay process' },
  topics: { prefix, partitions: 4, replication: 1, retention: 86_400_000 },
  outbox: {
    database: new Database({ url, applicationName: 'relay process', connections: 4 }),
    schema: 'publisher',
    source: 'keys',
  },
  onFailure: () => undefined,
})
