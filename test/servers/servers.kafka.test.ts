import { Kafka, logLevel } from 'kafkajs'
import { startOwnKafka, type OwnKafka } from './own-kafka.ts'

const topic = 'people'
let own: OwnKafka
beforeAll(async () => {
  own = await startOwnKafka()
})
afterAll(() => own.stop())

const client = (brokers: string) => new Kafka({ brokers: [brokers], logLevel: logLevel.NOTHING, retry: { retries: 3 } })

async function send(count: number): Promise<void> {
  const producer = client(own.brokers).producer({ idempotent: true })
  await producer.connect()
  await producer.send({ topic, messages: Array.from({ length: count }, (_, number) => ({ value: `${number}` })) })
  await producer.disconnect()
}

async function held(): Promise<string | undefined> {
  const admin = client(own.brokers).admin()
  await admin.connect()
  try {
    return (await admin.fetchTopicOffsets(topic))[0]?.high
  } finally {
    await admin.disconnect()
  }
}

test('a topic is there only when it was made', async () => {
  await expect(send(1)).rejects.toThrow('This server does not host this topic-partition')
  const admin = client(own.brokers).admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic, numPartitions: 1 }], waitForLeaders: true })
  expect(await admin.listTopics()).toEqual([topic])
  await admin.disconnect()
  await send(100)
  expect(await held()).toBe('100')
})

test('what was acknowledged is there after an outage, and after kill -9', async () => {
  await own.outage()
  expect(await held()).toBe('100')
  await send(50)
  await own.kill()
  expect(await held()).toBe('150')
})

test('a broker that stood still goes on', async () => {
  await own.freeze(() => Promise.resolve())
  await send(1)
  expect(await held()).toBe('151')
})

test('one Kafka, one Postgres and one Redis are there for the whole run', async () => {
  const admin = client(process.env['TEST_KAFKA_BROKERS'] ?? '').admin()
  await admin.connect()
  expect((await admin.describeCluster()).brokers).toHaveLength(1)
  await admin.disconnect()
  expect(process.env['TEST_POSTGRES_URL']).toMatch(/^postgres:/)
  expect(process.env['TEST_REDIS_URL']).toMatch(/^redis:/)
})
