import type { AnyEvent } from '#libs/events/index'
import { type Attributes, type Logger, metrics, type Telemetry } from '#libs/telemetry/index'
import type { FollowerObserver, TracedEvent } from './port.ts'

/** For `onAppended` of an event log. */
export function countAppended(telemetry: Telemetry): (events: readonly AnyEvent[]) => void {
  const appended = telemetry.metrics.counter(metrics.eventsAppended)
  return (events) => {
    for (const event of events) appended.add(1, { name: event.name })
  }
}

/**
 * Metrics, traces and log lines of one follower; `stalled` tells of what keeps it from following and is tried again. Each event's span
 * goes on with the trace of the request that brought it about.
 */
export function observeFollower(
  group: string,
  telemetry: Telemetry,
  logger: Logger,
  stalled: (error: unknown) => void,
): FollowerObserver {
  const applied = telemetry.metrics.counter(metrics.followerApplied)
  const deadLetters = telemetry.metrics.counter(metrics.deadLetters)
  const endToEnd = telemetry.metrics.histogram(metrics.endToEnd)
  deadLetters.add(0, { group })
  return {
    applied(events) {
      applied.add(events.length, { group })
      const now = Date.now()
      for (const event of events) endToEnd.record(Math.max(0, now - Date.parse(event.time)) / 1000, { group })
    },
    buried({ id, name, reason }) {
      deadLetters.add(1, { group })
      logger.error({ group, event: id, name, reason }, 'an event became a dead letter')
    },
    stalled: (error) => stalled(error),
    around: tracing(telemetry, 'follow', 'consumer', { 'messaging.consumer.group.name': group }),
  }
}

/** Metrics and traces of what a program publishes. */
export function observeRelay(telemetry: Telemetry): {
  published(events: number): void
  around: NonNullable<FollowerObserver['around']>
} {
  const published = telemetry.metrics.counter(metrics.eventsPublished)
  published.add(0)
  return {
    published: (events) => published.add(events),
    around: tracing(telemetry, 'publish', 'producer', { 'messaging.system': 'kafka' }),
  }
}

/** Each event of a batch gets a span of its own, within the trace of the request that brought it about. */
function tracing(
  telemetry: Telemetry,
  verb: string,
  kind: 'consumer' | 'producer',
  attributes: Attributes,
): NonNullable<FollowerObserver['around']> {
  const traced = ({ id, name, traceparent }: TracedEvent, working: Promise<unknown>): Promise<void> => {
    const options = {
      kind,
      parent: traceparent ?? undefined,
      attributes: { ...attributes, 'messaging.message.id': id },
    }
    return telemetry.span(`${verb} ${name}`, options, async (span) => {
      await working.catch((error: unknown) => span.recordFailure(error))
    })
  }
  return async (events, work) => {
    if (!telemetry.exporting) return work()
    const working = work()
    await Promise.all(events.map((event) => traced(event, working)))
    return working
  }
}
