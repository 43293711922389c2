export { openKafkaEventLog, type BrokerState, type KafkaEventLog, type KafkaEventLogOptions } from './event-log.ts'
export { type KafkaAddress, KafkaTrouble, type TopicOptions } from './client.ts'
export { OutboxTables } from './outbox.ts'
