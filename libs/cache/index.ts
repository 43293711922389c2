/**
 * What the processes of one installation share beside the event log: a channel to tell each other what to forget, and nonces. Both are ports with an
 * adapter for a single process and one over Redis; nothing here is kept for long, and nothing fails when Redis is away. The link to Redis is for `libs/rates` too.
 */
export { type State, type Subscription, type TrustChannel } from './channel.ts'
export { CacheError, type OnFailure } from './errors.ts'
export { localChannel } from './local-channel.ts'
export { memoryNonces } from './memory-nonces.ts'
export { noNonces, type Nonces, type SignedNonce } from './nonces.ts'
export { openRedisLink, type RedisLink } from './redis.ts'
export { openRedisChannel } from './redis-channel.ts'
export { openRedisNonces } from './redis-nonces.ts'
export { type KeptAhead, type Span } from './taken-ahead.ts'
