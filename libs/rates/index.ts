/**
 * How much is let through: a limiter counts what comes within a time, in one process or over Redis; turns let so many go on within a second; look-ups are
 * bounded by both. A limiter over Redis waits for nothing, and counts alone while that is away.
 */
export { type Limiter, type OwnLimiter, type Rate } from './limiter.ts'
export { type Counted, type LookUpLimits, LookUps, type TooManyLookUps } from './look-ups.ts'
export { memoryLimiter } from './memory-limiter.ts'
export { openRedisLimiter } from './redis-limiter.ts'
export { Turns } from './turns.ts'
