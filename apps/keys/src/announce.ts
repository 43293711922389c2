import type { TrustChannel } from '#libs/cache/index'
import { type AnyEvent, announcedEvents, isAnnounced, noticeKinds } from '#libs/events/index'
import { metrics as names, type Telemetry } from '#libs/telemetry/index'
import { every, type Repeating } from '#libs/timing/index'

/** Tells gateways at once of what they must not hear of later; the event log tells it again, and everything else. */
export function announce(channel: Pick<TrustChannel, 'publish'>, events: readonly AnyEvent[]): void {
  for (const event of events) {
    if (isAnnounced(event)) channel.publish(JSON.stringify(event))
  }
}

/** For events once they are durable. */
export function noticesCounted({ metrics }: Pick<Telemetry, 'metrics'>): (events: readonly AnyEvent[]) => void {
  const notices = metrics.counter(names.rotationNotices)
  for (const kind of noticeKinds) notices.add(0, { kind })
  return (events) => {
    for (const event of events) {
      if (event.name === 'rotation.notice') notices.add(1, { kind: event.payload.kind })
    }
  }
}

const againEvery = 2_000

/**
 * Announces what waits to be published, again and again until it is: a process that ended, or was cut off, between writing and
 * announcing must not leave gateways without word while Kafka is away, nor one that listens only now.
 */
export function announceWaiting(
  channel: Pick<TrustChannel, 'publish' | 'state'>,
  waiting: (names: typeof announcedEvents) => Promise<readonly AnyEvent[]>,
  onFailure: (error: unknown) => void,
): Repeating {
  const tell = async (): Promise<void> => {
    if (channel.state !== 'away') announce(channel, await waiting(announcedEvents))
  }
  return every(againEvery, tell, onFailure)
}
