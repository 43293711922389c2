import { monitorEventLoopDelay } from 'node:perf_hooks'
import { context } from '@opentelemetry/api'
import type { SpanExporter } from '@opentelemetry/sdk-trace'
import { endsWithin } from '#libs/timing/index'
import { metricsOf, type Metrics } from './metrics.ts'
import { metrics as names } from './names.ts'
import { runWithoutSpan, spansOf, type RunInSpan } from './spans.ts'

export interface Telemetry {
  /** True when spans go to a collector. */
  readonly exporting: boolean
  readonly span: RunInSpan
  readonly metrics: Metrics
  /** All metrics in the Prometheus text format. */
  renderMetrics(): Promise<string>
  /** Sends what is waiting, within 5 seconds. */
  shutdown(): Promise<void>
}

export interface TelemetryOptions {
  readonly service: string
  /** Base address of an OTLP collector (http/protobuf); without it no tracing code is loaded. */
  readonly otlpEndpoint?: string | undefined
  /** Told when a batch of spans could not be sent. */
  readonly onExportFailure?: (error: Error) => void
}

export async function startTelemetry(options: TelemetryOptions): Promise<Telemetry> {
  const { resourceFromAttributes } = await import('@opentelemetry/resources')
  const resource = resourceFromAttributes({ 'service.name': options.service })
  const [measuring, tracing] = await Promise.all([
    startMetrics(resource),
    options.otlpEndpoint === undefined ? noTracing : startTracing(resource, options.otlpEndpoint, options),
  ])
  return {
    exporting: tracing !== noTracing,
    span: tracing.span,
    metrics: measuring.metrics,
    renderMetrics: measuring.render,
    shutdown: async () => {
      await endsWithin(5_000, Promise.allSettled([tracing.stop(), measuring.stop()]))
    },
  }
}

type Resource = ReturnType<(typeof import('@opentelemetry/resources'))['resourceFromAttributes']>

const noTracing: { readonly span: RunInSpan; stop(): Promise<void> } = {
  span: runWithoutSpan,
  stop: async () => undefined,
}

async function startMetrics(resource: Resource) {
  const [{ MeterProvider }, { PrometheusExporter, PrometheusSerializer }] = await Promise.all([
    import('@opentelemetry/sdk-metrics'),
    import('@opentelemetry/exporter-prometheus'),
  ])
  const reader = new PrometheusExporter({ preventServerStart: true })
  const provider = new MeterProvider({ resource, readers: [reader] })
  const serializer = new PrometheusSerializer(undefined, false, undefined, false, true)
  const metrics = metricsOf(provider.getMeter('latchkey'))
  const delay = watchEventLoop(metrics)
  metrics.counter(names.auditDropped)
  return {
    metrics,
    render: async () => serializer.serialize((await reader.collect()).resourceMetrics),
    stop: async () => {
      delay.disable()
      await provider.shutdown()
    },
  }
}

/** Node measures how long its timer takes to come round, so the timer's own interval is taken off. */
function watchEventLoop(metrics: Metrics) {
  const interval = 20
  const delay = monitorEventLoopDelay({ resolution: interval })
  delay.enable()
  const seconds = (nanoseconds: number) => (delay.count === 0 ? 0 : Math.max(0, nanoseconds / 1e9 - interval / 1e3))
  metrics.gauge(names.eventLoopDelayP99, () => seconds(delay.percentile(99)))
  metrics.gauge(names.eventLoopDelayMax, () => {
    const longest = seconds(delay.max)
    delay.reset()
    return longest
  })
  return delay
}

async function startTracing(resource: Resource, endpoint: string, { onExportFailure }: TelemetryOptions) {
  const [
    sdk,
    { AsyncLocalStorageContextManager },
    { W3CTraceContextPropagator, ExportResultCode },
    { OTLPTraceExporter },
  ] = await Promise.all([
    import('@opentelemetry/sdk-trace'),
    import('@opentelemetry/context-async-hooks'),
    import('@opentelemetry/core'),
    import('@opentelemetry/exporter-trace-otlp-proto'),
  ])
  const collector = new OTLPTraceExporter({ url: `${endpoint.replace(/\/+$/, '')}/v1/traces` })
  const exporter: SpanExporter = {
    export: (spans, done) =>
      collector.export(spans, (result) => {
        if (result.code === ExportResultCode.FAILED)
          onExportFailure?.(result.error ?? new Error('the collector did not say why'))
        done(result)
      }),
    shutdown: () => collector.shutdown(),
    forceFlush: () => collector.forceFlush(),
  }
  const provider = new sdk.TracerProvider({
    resource,
    sampler: new sdk.ParentBasedSampler({ root: new sdk.AlwaysOnSampler() }),
    spanProcessors: [new sdk.BatchSpanProcessor({ exporter })],
  })
  const ours = context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  return {
    span: spansOf(provider.getTracer('latchkey'), new W3CTraceContextPropagator()),
    stop: async () => {
      await provider.shutdown()
      if (ours) context.disable()
    },
  }
}
