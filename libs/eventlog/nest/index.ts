export { EventLogServer, type EventLogServerOptions } from './server.ts'
export { EventPattern, Follows, type Heard, type HeardBatch } from './follows.ts'
