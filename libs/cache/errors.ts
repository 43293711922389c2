export type CacheFault =
  /** The address of Redis cannot be read. */
  | 'url-invalid'
  /** Redis went away, or was away at opening. Told once per outage and connection. */
  | 'redis-away'
  /** A message was not sent. Subscribers hear of a gap when Redis is back. */
  | 'publish-lost'
  /** Redis refuses the subscription. It is tried again every second, and told once until it succeeds. */
  | 'subscribe-refused'
  /** Redis refuses to keep nonces. Told once until it does again. */
  | 'nonce-refused'
  /** Redis may evict nonces, told when it is reached, or has evicted something. */
  | 'redis-evicts'
  /** What was signed ahead of the clock and taken before Redis began anew cannot be read; the cause is why. Told once until nonces are taken again. */
  | 'ahead-unread'
  /** A subscriber's handler threw; the cause is what it threw. */
  | 'handler-failed'

/** What went wrong with what processes share. The message is one line with cause and fix, and tells no message, key or password. */
export class CacheError extends Error {
  override readonly name = 'CacheError'
  readonly fault: CacheFault

  constructor(fault: CacheFault, message: string, options?: ErrorOptions) {
    super(message.replaceAll(/\s*\n\s*/g, ' '), options)
    this.fault = fault
  }
}

/** Hears of what could not be done, and has nothing to mend: it logs and counts. */
export type OnFailure = (failure: CacheError) => void
