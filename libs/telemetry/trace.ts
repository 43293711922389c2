import { randomFillSync } from 'node:crypto'

/** The trace that a request belongs to (W3C Trace Context). */
export interface Trace {
  /** 32 lower-case hexadecimal digits: for logs and for the audit record. */
  readonly traceId: string
  /** For whoever goes on with the trace: an event's `traceparent`, a request to another service. */
  readonly traceparent: string
}

/**
 * The trace named by an incoming `traceparent`, or a new one where there is none or it breaks the standard's rules
 * (https://www.w3.org/TR/trace-context/#traceparent-header). Costs no more than a regular expression or 24 random bytes.
 */
export function traceOf(traceparent: string | undefined): Trace {
  if (traceparent !== undefined) {
    const [, version, traceId, spanId, flags, more] = pattern.exec(traceparent) ?? []
    const readable =
      traceId !== undefined &&
      version !== 'ff' &&
      traceId !== noTrace &&
      spanId !== noSpan &&
      (version !== '00' || more === '')
    if (readable) return { traceId, traceparent: version === '00' ? traceparent : `00-${traceId}-${spanId}-${flags}` }
  }
  const traceId = randomHex(16)
  return { traceId, traceparent: `00-${traceId}-${randomHex(8)}-01` }
}

const pattern = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(|-.*)$/
const noTrace = '0'.repeat(32)
const noSpan = '0'.repeat(16)

const pool = Buffer.alloc(6144)
let used = pool.length

function randomHex(bytes: number): string {
  if (used + bytes > pool.length) {
    randomFillSync(pool)
    used = 0
  }
  used += bytes
  return pool.toString('hex', used - bytes, used)
}
