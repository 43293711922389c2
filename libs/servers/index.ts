/**
 * Kafka and Redis for one machine, without Docker: fetched once by Maven, started and stopped by us, on loopback only. For tests and
 * for trying the distributed shape; in production they are yours.
 */
export { ServerError } from './errors.ts'
export { startKafka, type RunningKafka } from './kafka.ts'
export { startRedis, type RunningRedis } from './redis.ts'
