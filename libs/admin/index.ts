/**
 * A call of the admin API, from its first line to the one record that it leaves in the trail, whichever service answers it.
 * Knows no service: each brings the names of its own operations and the queue that its records go into.
 */
export { AdminApi } from './admin-api.ts'
export { type About, aboutNothing, AdminCall, Call, type Outcome } from './admin-call.ts'
export { AdminCalls } from './admin-calls.module.ts'
export type { AdminCallsParts, Operations } from './record-calls.ts'
