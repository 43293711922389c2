export { EventLogServer, type EventLogServerOptions } from './server.ts'
export { Follows } from './follows.ts'
