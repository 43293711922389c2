/** Processes of this machine, their ports, and the files beside them, as whoever starts servers needs them. Knows no server. */
export { type Detached, startDetached } from './detached.ts'
export { freePort, type HeldPort, holdFreePort, holdOwnPort, holdPort } from './free-port.ts'
export { openLog, type OpenLog, trimLog } from './log.ts'
export { startOf } from './start-of.ts'
export { syncFolder } from './sync-folder.ts'
export { systemCode } from './system-code.ts'
