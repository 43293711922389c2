import type { TrustChannel } from '#libs/cache/index'
import type { AnyEvent, EventName } from '#libs/events/index'

/** What may make a gateway refuse what it accepted until now. */
const urgent: readonly EventName[] = ['key.revoked', 'connection.changed']

/** Tells gateways at once of what they must not hear of later; the event log tells it again, and everything else. */
export function announce(channel: Pick<TrustChannel, 'publish'>, events: readonly AnyEvent[]): void {
  for (const event of events) {
    if (urgent.includes(event.name)) channel.publish(JSON.stringify(event))
  }
}
