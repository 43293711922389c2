/**
 * What every program of Latchkey does alike: read its settings, say in one line why it cannot start, keep servers running, serve
 * modules, tell its health, and end in order. Knows no service.
 */
export { publicAddress, usablePort, usablePorts } from './address.ts'
export { banner } from './banner.ts'
export { DataFolder } from './data-folder.ts'
export { openDatabase, statementTimeout } from './databases.ts'
export { Decisions } from './decisions.ts'
export type { Ending } from './ending.ts'
export { failuresOf } from './failures.ts'
export { caughtUp, hasFollowedUntil, followerOf } from './followers.ts'
export { followersOperations } from './followers.controller.ts'
export { databaseCheck } from './health.ts'
export { type Beside, keep, type Kept } from './keep.ts'
export { reachPostgres } from './reach-postgres.ts'
export { runProgram, type Starting } from './run.ts'
export { type Sealing, sealingOf, sealingSettings } from './sealing.ts'
export { serve } from './serve.ts'
export { only, readSettings, settings } from './settings.ts'
export { StartError } from './start-error.ts'
export { openTelemetry } from './telemetry.ts'
export { type WatchedPostgres, watchPostgres } from './watch-postgres.ts'
