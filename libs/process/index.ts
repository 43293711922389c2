/** Processes of this machine and the files beside them, as whoever starts servers needs them. Knows no server. */
export { logged, openLog, type OpenLog, trimLog } from './log.ts'
export { startOf } from './start-of.ts'
export { systemCode } from './system-code.ts'
