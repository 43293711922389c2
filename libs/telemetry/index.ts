/**
 * Logs, traces and metrics as plain objects that are handed to constructors. Nothing here knows what the product does,
 * but for the names of its metrics; nothing here lets a provisioning key or an Authorization header out.
 */
export { createLogger, nestLogger, activeTraceId, type Logger, type LogLevel } from './logs.ts'
export { excerpt, hideSecret, redact } from './redact.ts'
export { databaseRefusal } from './refusal.ts'
export { traceOf, type Trace } from './trace.ts'
export { startTelemetry, type Telemetry, type TelemetryOptions } from './telemetry.ts'
export type { Span, SpanKind, SpanOptions, Attributes } from './spans.ts'
export type { Metrics, Counter, Histogram, Observation } from './metrics.ts'
export { metrics, type CounterName, type GaugeName, type HistogramName } from './names.ts'
