export { countAppended, observeFollower } from './observe.ts'
export { AppendQueue, type AppendQueueOptions } from './append-queue.ts'
export type { DeadLetter, EventBatch, EventLog, Follower, FollowerState, Subscription } from './port.ts'
export { FollowerTables } from './follower-tables.ts'
