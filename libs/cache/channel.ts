/** `away` while messages or counts may not reach the other processes. */
export type State = 'connected' | 'away'

/**
 * Tells all processes something at once, and keeps nothing: for "forget what you remember of this key". Whoever relies on it must be
 * right without it after a while, as by a lifetime.
 *
 * Each subscriber, those of the publishing process included, is given the messages of one publisher in the order they were published,
 * each at most once. A message may be lost; then either `onGap` is called at every subscriber that missed it, once Redis is reached
 * again at the latest, or the publisher has ended before that.
 */
export interface TrustChannel {
  readonly state: State
  /** Never throws and never waits. What could not be sent is told to `onFailure` and made up for by a gap. */
  publish(message: string): void
  /**
   * `handler` is given each message. `onGap` is called when messages may have been missed: when the subscription is lost, when it is
   * in force (again), and when a publisher says that it lost some. What was remembered before an `onGap` may be outdated; what is
   * read after it is not, unless a message or a gap follows.
   */
  subscribe(handler: (message: string) => void, onGap: () => void): Subscription
  /** Sends what was published before, for at most half a second, and gives up the connections. No handler is called after it. */
  close(): Promise<void>
}

export interface Subscription {
  /** Settles when the subscription is in force for the first time; waits as long as Redis is away, and never rejects. */
  readonly inForce: Promise<void>
  /**
   * Since when no message was missed, in milliseconds of `Date.now()`, as far as this end can tell; undefined while the subscription
   * is not in force, and where the channel does not reach other processes that there are.
   */
  readonly unbrokenSince: number | undefined
  end(): void
}
