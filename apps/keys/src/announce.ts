import type { TrustChannel } from '#libs/cache/index'
import { type AnyEvent, isAnnounced } from '#libs/events/index'

/** Tells gateways at once of what they must not hear of later; the event log tells it again, and everything else. */
export function announce(channel: Pick<TrustChannel, 'publish'>, events: readonly AnyEvent[]): void {
  for (const event of events) {
    if (isAnnounced(event)) channel.publish(JSON.stringify(event))
  }
}
