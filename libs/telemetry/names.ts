/**
 * Every metric of the product. A label has few values: never a tenant, a connection, a key or a person. Dashboards and
 * alerts ask for these names as Prometheus writes them: dots as underscores, and `_total` after a counter.
 */
export interface MetricName<Label extends string = string> {
  readonly name: string
  readonly description: string
  readonly unit: string
  readonly labels: readonly Label[]
}
export interface CounterName<Label extends string = string> extends MetricName<Label> {
  readonly kind: 'counter'
}
export interface GaugeName<Label extends string = string> extends MetricName<Label> {
  readonly kind: 'gauge'
}
export interface HistogramName<Label extends string = string> extends MetricName<Label> {
  readonly kind: 'histogram'
  /** Upper bounds, in the unit. */
  readonly buckets: readonly number[]
}

const requestSeconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
const deliverySeconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600]

export const metrics = {
  requestDuration: histogram(
    'http.server.request.duration',
    's',
    'From the first byte of a request to the last of its answer',
    requestSeconds,
    ['http.request.method', 'http.route', 'http.response.status_code'],
  ),
  requests: counter('latchkey.requests', '{request}', 'SCIM requests', ['idp', 'operation', 'result']),
  bulkOperations: counter('latchkey.bulk.operations', '{operation}', 'Operations within bulk requests', [
    'idp',
    'operation',
    'result',
  ]),
  requestsUnreadable: counter(
    'latchkey.requests.unreadable',
    '{request}',
    'Requests that broke HTTP or its limits, so that none of their headers was believed',
    [],
  ),
  deviations: counter(
    'latchkey.deviations',
    '{deviation}',
    'Ways in which identity providers differ from the standard',
    ['code', 'dialect'],
  ),
  authDecisions: counter('latchkey.auth.decisions', '{decision}', 'Decisions about the key of a request', ['reason']),
  guardRefusals: counter(
    'latchkey.guard.refusals',
    '{operation}',
    'Deactivations and deletions that were refused because they wait for a person, or because one has denied them',
    [],
  ),
  requestsLimited: counter(
    'latchkey.requests.limited',
    '{request}',
    'SCIM requests refused as too many of a key, a connection or a network; of those alike one a second leaves a record',
    [],
  ),
  knownKeyHits: counter('latchkey.known_keys.hits', '{lookup}', 'Keys found in memory', []),
  knownKeyMisses: counter('latchkey.known_keys.misses', '{lookup}', 'Keys that had to be looked up in the store', []),
  channelMessages: counter(
    'latchkey.channel.messages',
    '{message}',
    'Messages that a gateway heard on the channel of revocations',
    ['result'],
  ),
  decisionsQueued: gauge(
    'latchkey.decisions.queued',
    '{decision}',
    'Decisions about refusals and reads that are not stored yet',
    [],
  ),
  detections: counter('latchkey.detections', '{detection}', 'Detections raised; docs/detections.md lists the rules', [
    'rule',
  ]),
  detectionsOpen: gauge('latchkey.detections.open', '{detection}', 'Detections that nobody has acknowledged or muted', [
    'rule',
  ]),
  auditDropped: counter('latchkey.audit.dropped', '{record}', 'Audit records lost; anything but 0 is a fault', []),
  eventsAppended: counter('latchkey.events.appended', '{event}', 'Events written to the log', ['name']),
  eventsPublished: counter('latchkey.events.published', '{event}', 'Events that Kafka has taken from the outbox', []),
  outboxWaiting: gauge('latchkey.outbox.waiting', '{event}', 'Events in the outbox that Kafka has not taken yet', []),
  outboxRefused: gauge(
    'latchkey.outbox.refused',
    '{event}',
    'Events that Kafka refuses for their size; those of the same keys wait behind them. Anything but 0 is a fault',
    [],
  ),
  outboxAge: gauge('latchkey.outbox.age.seconds', 's', 'Age of the oldest event in the outbox', []),
  rotationsRunning: gauge(
    'latchkey.rotations.running',
    '{rotation}',
    'Rotations of keys that are running in the whole installation',
    [],
  ),
  rotationsOverdue: gauge(
    'latchkey.rotations.overdue',
    '{connection}',
    'Connections whose key should have been replaced by now, in the whole installation',
    [],
  ),
  rotationNotices: counter('latchkey.rotation.notices', '{notice}', 'Notices about rotations of keys', ['kind']),
  followerLag: gauge(
    'latchkey.follower.lag.seconds',
    's',
    'Age of the oldest event that a consumer group has not applied',
    ['group'],
  ),
  followerApplied: counter('latchkey.follower.applied', '{event}', 'Events applied by a consumer group', ['group']),
  deadLetters: counter('latchkey.dead_letters', '{event}', 'Events that a consumer group could not apply', ['group']),
  endToEnd: histogram(
    'latchkey.event.end_to_end.seconds',
    's',
    'From an event to the commit of a consumer group',
    deliverySeconds,
    ['group'],
  ),
  certificateRemaining: gauge(
    'latchkey.certificate.remaining.seconds',
    's',
    'Until the certificate that the server shows expires; below 0 once it has. Where a proxy has the certificate there is none',
    [],
  ),
  eventLoopDelayP99: gauge(
    'nodejs.eventloop.delay.p99',
    's',
    'Event loop delay that 99 of 100 turns stay under, since the last reading',
    [],
  ),
  eventLoopDelayMax: gauge('nodejs.eventloop.delay.max', 's', 'Longest event loop delay since the last reading', []),
} as const

function counter<const L extends string>(
  name: string,
  unit: string,
  description: string,
  labels: readonly L[],
): CounterName<L> {
  return { kind: 'counter', name, unit, description, labels }
}

function gauge<const L extends string>(
  name: string,
  unit: string,
  description: string,
  labels: readonly L[],
): GaugeName<L> {
  return { kind: 'gauge', name, unit, description, labels }
}

function histogram<const L extends string>(
  name: string,
  unit: string,
  description: string,
  buckets: readonly number[],
  labels: readonly L[],
): HistogramName<L> {
  return { kind: 'histogram', name, unit, description, buckets, labels }
}
