/** What each service does alike as a program of its own, over Postgres, Kafka and Redis. */
export { type BuiltService, runService, type Service } from './run-service.ts'
export { type ServiceConfiguration, serviceSettings } from './service-settings.ts'
export type { StartingService } from './starting-service.ts'
