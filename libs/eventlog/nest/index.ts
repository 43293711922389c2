export { EventLogServer, type EventLogServerOptions } from './server.ts'
export { EventPattern, Follows, type Heard } from './follows.ts'
