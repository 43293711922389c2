import { trace } from '@opentelemetry/api'
import { pino, stdTimeFunctions, type Logger as PinoLogger } from 'pino'
import { loggedFailure } from './failure.ts'
import { redact } from './redact.ts'

export type Logger = PinoLogger
export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'

/** Where lines go; standard output unless told. */
interface LineStream {
  write(line: string): unknown
}

/**
 * JSON lines with `trace_id` and `span_id` of the active span, or, with `pretty`, lines for a terminal. Every line
 * passes `redact` as the last thing before it is written, so that no message, field, error or cause can carry a key.
 */
export async function createLogger(options: {
  readonly service: string
  readonly level: LogLevel
  readonly pretty: boolean
  readonly stream?: LineStream
}): Promise<Logger> {
  const stream = options.pretty
    ? await readable(options.stream ?? process.stdout)
    : (options.stream ?? pino.destination({ fd: 1, sync: true }))
  return pino(
    {
      level: options.level,
      base: { service: options.service },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: loggedFailure, error: loggedFailure },
      mixin: activeTrace,
      hooks: { streamWrite: redact },
    },
    stream,
  )
}

/** Of the span that is active here; undefined where none is recorded. */
export function activeTraceId(): string | undefined {
  return trace.getActiveSpan()?.spanContext().traceId
}

function activeTrace(): object {
  const active = trace.getActiveSpan()?.spanContext()
  return active === undefined ? {} : { trace_id: active.traceId, span_id: active.spanId }
}

/** In this thread: a worker would lose the last lines of a process that exits. */
async function readable(stream: LineStream): Promise<LineStream> {
  const { prettyFactory } = await import('pino-pretty')
  const pretty = prettyFactory({
    colorize: stream === process.stdout && process.stdout.isTTY,
    ignore: 'pid,hostname,service',
    translateTime: 'SYS:HH:MM:ss',
  })
  return { write: (line) => stream.write(pretty(line)) }
}

/** What Nest asks of a logger. Its warnings and errors are passed on, its start-up chatter is not. */
export function nestLogger(logger: Logger) {
  const ignore = () => undefined
  return {
    log: ignore,
    debug: ignore,
    verbose: ignore,
    warn: (message: unknown, ...rest: unknown[]) => logger.warn(...lineOf(message, rest)),
    error: (message: unknown, ...rest: unknown[]) => logger.error(...lineOf(message, rest)),
    fatal: (message: unknown, ...rest: unknown[]) => logger.fatal(...lineOf(message, rest)),
  }
}

/** Nest passes an error or a text first, then perhaps a stack, and the name of the part that speaks last. */
function lineOf(message: unknown, rest: readonly unknown[]): [fields: Record<string, unknown>, text: string] {
  const context = typeof rest.at(-1) === 'string' ? rest.at(-1) : undefined
  const stack = rest.find((part) => typeof part === 'string' && part.includes('\n    at '))
  const fields = { ...(context === stack ? {} : { part: context }), ...(stack === undefined ? {} : { stack }) }
  if (message instanceof Error) return [{ ...fields, err: message }, message.message]
  return [fields, typeof message === 'string' ? message : JSON.stringify(message)]
}
