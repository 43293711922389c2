import { SpanKind as OtelSpanKind, SpanStatusCode, context, trace } from '@opentelemetry/api'
import type { Context, Span as OtelSpan, TextMapPropagator, Tracer } from '@opentelemetry/api'
import { redact } from './redact.ts'
import { databaseRefusal } from './refusal.ts'
import { traceOf } from './trace.ts'

export type Attributes = Readonly<Record<string, string | number | boolean>>
export type SpanKind = 'server' | 'client' | 'producer' | 'consumer' | 'internal'

export interface SpanOptions {
  readonly kind?: SpanKind
  /** `traceparent` of what caused this; without it the span that is active here, else a new trace. */
  readonly parent?: string | undefined
  readonly attributes?: Attributes
}

export interface Span {
  /** For whoever goes on with the trace. */
  readonly traceparent: string
  readonly traceId: string
  setAttribute(name: string, value: string | number | boolean): void
  /** Marks the span as failed. What `fn` throws is recorded without this. */
  recordFailure(error: unknown): void
}

/** Runs `fn` inside a span that ends with it (with what it promises), and gives what it gives. */
export type RunInSpan = <T>(name: string, options: SpanOptions, fn: (span: Span) => T) => T

/** Spans that go nowhere: `fn` gets the trace it was called with, or a new one when it asks. */
export const runWithoutSpan: RunInSpan = (_name, options, fn) => fn(new UnrecordedSpan(options.parent))

class UnrecordedSpan implements Span {
  readonly #parent: string | undefined
  #trace: ReturnType<typeof traceOf> | undefined

  constructor(parent: string | undefined) {
    this.#parent = parent
  }
  get traceparent(): string {
    return (this.#trace ??= traceOf(this.#parent)).traceparent
  }
  get traceId(): string {
    return (this.#trace ??= traceOf(this.#parent)).traceId
  }
  setAttribute(): void {}
  recordFailure(): void {}
}

const kinds: Readonly<Record<SpanKind, OtelSpanKind>> = {
  server: OtelSpanKind.SERVER,
  client: OtelSpanKind.CLIENT,
  producer: OtelSpanKind.PRODUCER,
  consumer: OtelSpanKind.CONSUMER,
  internal: OtelSpanKind.INTERNAL,
}

export function spansOf(tracer: Tracer, propagator: TextMapPropagator<unknown>): RunInSpan {
  return (name, { kind = 'internal', parent, attributes }, fn) => {
    const within =
      parent === undefined ? context.active() : extracted(propagator, trace.deleteSpan(context.active()), parent)
    const span = tracer.startSpan(name, { kind: kinds[kind], attributes: { ...attributes } }, within)
    const recorded = new RecordedSpan(span)
    const failed = (error: unknown) => {
      recorded.recordFailure(error)
      span.end()
    }
    try {
      const result = context.with(trace.setSpan(within, span), fn, undefined, recorded)
      if (!(result instanceof Promise)) {
        span.end()
        return result
      }
      result.then(() => span.end(), failed)
      return result
    } catch (error) {
      failed(error)
      throw error
    }
  }
}

function extracted(propagator: TextMapPropagator<unknown>, within: Context, traceparent: string): Context {
  return propagator.extract(within, undefined, {
    get: (_, name) => (name === 'traceparent' ? traceparent : undefined),
    keys: () => ['traceparent'],
  })
}

class RecordedSpan implements Span {
  readonly #span: OtelSpan

  constructor(span: OtelSpan) {
    this.#span = span
  }
  get traceparent(): string {
    const { traceId, spanId, traceFlags } = this.#span.spanContext()
    return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`
  }
  get traceId(): string {
    return this.#span.spanContext().traceId
  }
  setAttribute(name: string, value: string | number | boolean): void {
    this.#span.setAttribute(name, typeof value === 'string' ? redact(value) : value)
  }
  recordFailure(error: unknown): void {
    const message = databaseRefusal(error) ?? redact(error instanceof Error ? error.message : String(error))
    this.#span.recordException({ name: error instanceof Error ? error.name : 'Error', message })
    this.#span.setStatus({ code: SpanStatusCode.ERROR, message })
  }
}
