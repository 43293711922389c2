import { UnreadablePeppers } from '#libs/credentials/index'
import { isConnectionLoss } from '#libs/postgres/index'
import { SealingError } from '#libs/sealing/index'
import { type Logger, metrics, type Telemetry } from '#libs/telemetry/index'
import { isOfGuard } from './deprovisioning.ts'
import type { Answer } from './answer.ts'
import { scimPrefix, tokenPath } from './names.ts'
import type { Passage } from './way-in.ts'

/** Counts what is answered, and then how long it took until it was sent; none of its labels names a tenant, a connection or a person. */
export function observer(telemetry: Telemetry): (passage: Passage, answer: Answer) => () => void {
  const requests = telemetry.metrics.counter(metrics.requests)
  const operations = telemetry.metrics.counter(metrics.bulkOperations)
  const duration = telemetry.metrics.histogram(metrics.requestDuration)
  const decisions = telemetry.metrics.counter(metrics.authDecisions)
  const guarded = telemetry.metrics.counter(metrics.guardRefusals)
  const limited = telemetry.metrics.counter(metrics.requestsLimited)
  const deviations = telemetry.metrics.counter(metrics.deviations)
  return ({ arrival, connection, endpoint, steps, within, diagnosis, alike, asksForToken }, { status, outcome }) => {
    const isForToken = asksForToken !== undefined
    for (const { code } of diagnosis?.deviations ?? [])
      deviations.add(1, { code, dialect: diagnosis?.dialect.name ?? '' })
    if (isOfGuard(outcome)) guarded.add(1)
    if (alike !== undefined) limited.add(1)
    const labels = {
      idp: connection?.identityProvider ?? 'unknown',
      operation: endpoint?.operation ?? (isForToken ? 'tokens.issue' : 'unknown'),
      result: outcome.result,
    }
    if (within !== undefined) {
      operations.add(1, labels)
      return () => undefined
    }
    const keyStep = steps.find(({ step }) => step === 'key')
    if (keyStep !== undefined) decisions.add(1, { reason: keyStep.code ?? 'accepted' })
    requests.add(1, labels)
    const { began } = arrival
    const timed = {
      'http.request.method': endpoint?.method ?? (isForToken ? 'POST' : 'other'),
      'http.route': isForToken ? tokenPath : `${scimPrefix}/:connection${endpoint?.path ?? ''}`,
      'http.response.status_code': String(status),
    }
    return () => duration.record((performance.now() - began) / 1000, timed)
  }
}

const repeatedLogsEvery = 15_000

/** Logs failures of ours with their trace; of those that go on until an operator mends them, a line now and then stands for all requests. */
export function failureLog(logger: Logger): (error: unknown, traceId?: string) => void {
  const quiet = new Map<string, { until: number; unlogged: number }>()
  return (error, traceId) => {
    const trace = traceId === undefined ? {} : { trace_id: traceId }
    const state = stateOf(error)
    if (state === undefined) return logger.error({ err: error, ...trace }, 'a SCIM request failed')
    const now = performance.now()
    const { until, unlogged } = quiet.get(state) ?? { until: -Infinity, unlogged: 0 }
    if (now < until) return void quiet.set(state, { until, unlogged: unlogged + 1 })
    logger.error({ err: error, ...trace, requestsBefore: unlogged }, state)
    quiet.set(state, { until: now + repeatedLogsEvery, unlogged: 0 })
  }
}

function stateOf(error: unknown): string | undefined {
  if (isConnectionLoss(error)) return 'the database is away; SCIM requests are answered 503'
  if (error instanceof SealingError) return 'what is sealed cannot be opened; requests that need it are answered 503'
  if (error instanceof UnreadablePeppers) return 'a pepper is not known here; requests with its keys are answered 503'
  return undefined
}
