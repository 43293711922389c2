/** What each service does alike as a program of its own, over Postgres, Kafka and Redis. */
export { runService } from './run-service.ts'
export { serviceSettings } from './service-settings.ts'
