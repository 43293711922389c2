/**
 * What the processes of one installation share beside the event log: a channel to tell each other what to forget, nonces, and limits of rates. All
 * are ports with an adapter for a single process and one over Redis; nothing here is kept for long, and nothing fails when Redis is away.
 */
export { type State, type Subscription, type TrustChannel } from './channel.ts'
export { CacheError } from './errors.ts'
export { type Limiter, type OwnLimiter, type Rate } from './limiter.ts'
export { localChannel } from './local-channel.ts'
export { memoryNonces } from './memory-nonces.ts'
export { noNonces, type Nonces, type SignedNonce } from './nonces.ts'
export { openRedisChannel } from './redis-channel.ts'
export { openRedisNonces } from './redis-nonces.ts'
export { type LookUpLimits, LookUps, type TooManyLookUps } from './look-ups.ts'
export { memoryLimiter } from './memory-limiter.ts'
export { openRedisLimiter } from './redis-limiter.ts'
export { type KeptAhead, type Span } from './taken-ahead.ts'
export { Turns } from './turns.ts'
