import type { TrustChannel } from '#libs/cache/index'
import { type AnyEvent, announcedEvents, isAnnounced } from '#libs/events/index'

/** Tells gateways at once of what they must not hear of later; the event log tells it again, and everything else. */
export function announce(channel: Pick<TrustChannel, 'publish'>, events: readonly AnyEvent[]): void {
  for (const event of events) {
    if (isAnnounced(event)) channel.publish(JSON.stringify(event))
  }
}

const lookEvery = 500

/**
 * Announces what waits to be published whenever the channel is reached, at first and again: a process that ended, or was cut off,
 * between writing and announcing must not leave gateways without word while Kafka is away. Returns how to end that.
 */
export function announceWaiting(
  channel: Pick<TrustChannel, 'publish' | 'state'>,
  waiting: (names: typeof announcedEvents) => Promise<readonly AnyEvent[]>,
  onFailure: (error: unknown) => void,
): () => void {
  let isTold = false
  let telling: Promise<void> | undefined
  const tell = async (): Promise<void> => {
    try {
      announce(channel, await waiting(announcedEvents))
      isTold = channel.state === 'connected'
    } catch (error) {
      onFailure(error)
    } finally {
      telling = undefined
    }
  }
  const timer = setInterval(() => {
    if (channel.state === 'away') isTold = false
    else if (!isTold) telling ??= tell()
  }, lookEvery)
  return () => clearInterval(timer)
}
