/**
 * Kafka and Redis for one machine, without Docker: fetched once by Maven, started and stopped by us, on loopback only. For tests and
 * for trying the distributed shape; in production they are yours.
 */
export { ServerError, type ServerFault } from './errors.ts'
export { startKafka, type KafkaOptions, type RunningKafka } from './kafka.ts'
export { startRedis, type RedisOptions, type RunningRedis } from './redis.ts'
