import type { TrustChannel } from '#libs/cache/index'
import { announcedEvents, type AnyEvent, type EventName } from '#libs/events/index'

const announced: readonly EventName[] = announcedEvents

/** Tells gateways at once of what they must not hear of later; the event log tells it again, and everything else. */
export function announce(channel: Pick<TrustChannel, 'publish'>, events: readonly AnyEvent[]): void {
  for (const event of events) {
    if (announced.includes(event.name)) channel.publish(JSON.stringify(event))
  }
}
