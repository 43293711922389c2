import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  createLogger,
  excerpt,
  hideSecret,
  metrics,
  nestLogger,
  redact,
  startTelemetry,
  traceOf,
  type LogLevel,
} from './index.ts'

const kid = 'aB3dE6gH9jK2'
const secret = 'Zz9'.repeat(14) + 'q'
const key = `lk_live_${kid}_${secret}_a1B2c3`

async function loggerTo(
  lines: string[],
  { level = 'info', pretty = false }: { level?: LogLevel; pretty?: boolean } = {},
) {
  return createLogger({ service: 'gateway', level, pretty, stream: { write: (line) => void lines.push(line) } })
}

describe('redact', () => {
  test.each([
    ['a key', `got ${key}.`, `got lk_live_${kid}_[redacted].`],
    ['a truncated key', `got ${key.slice(0, 40)}`, `got lk_live_${kid}_[redacted]`],
    ['a key without its kid', `lk_test_${secret}`, 'lk_test_[redacted]'],
    ['a key cut off at the front', `...${secret}_a1B2c3`, '...[redacted]'],
    ['an admin token', `got lka_${kid}_${secret}_a1B2c3.`, `got lka_${kid}_[redacted].`],
    ['a truncated admin token', `lka_${kid}_${secret.slice(0, 9)}`, `lka_${kid}_[redacted]`],
    ['an admin token without its id', `lka_${secret}`, 'lka_[redacted]'],
    ['a bearer token', 'sent bearer abc.def-ghi', 'sent bearer [redacted]'],
    ['an access token anywhere', 'GET /scim/eyJhbGciOiJIUzI1NiJ9.eyJzdWIi.c2ln-_x/Users', 'GET /scim/[redacted]/Users'],
    ['an access token without its end', '"eyJhbGciOiJIUzI1NiJ9.eyJzdWIi."', '"[redacted]"'],
    [
      'what only begins like a word of advice',
      'bearer token-1 bearer tokenX bearer token.x',
      'bearer [redacted] bearer [redacted] bearer [redacted]',
    ],
    ['a header', 'Authorization: Basic dXNlcjpwYXNz', 'Authorization: [redacted]'],
    ['a header of JSON', '{"authorization":"Basic x\\"y","a":1}', '{"authorization":"[redacted]","a":1}'],
    [
      'a header of JSON that ends in a backslash',
      '{"authorization":"x\\\\","a":1}',
      '{"authorization":"[redacted]","a":1}',
    ],
    ['a raw header list', '["Authorization","Basic x","Host","h"]', '["Authorization","[redacted]","Host","h"]'],
    [
      'JSON inside JSON',
      '{"body":"{\\"Authorization\\":\\"Basic x\\"}"}',
      '{"body":"{\\"Authorization\\":\\"[redacted]\\"}"}',
    ],
  ])('%s', (_, text, expected) => expect(redact(text)).toBe(expected))

  test('leaves a kid and harmless text as they are', () => {
    const harmless = `lk_live_${kid} was revoked; the request had no authorization header`
    expect(redact(harmless)).toBe(harmless)
  })
})

describe('a secret of the program itself', () => {
  const own = 'correct/horse+"battery"\\stäple-0123456789'
  beforeAll(() => hideSecret(own))

  test.each([
    ['as it is', own],
    ['in JSON', JSON.stringify(own).slice(1, -1)],
    ['in a URL', encodeURIComponent(own)],
    ['in a URL, as little encoded as can be', encodeURI(own)],
    ['all encoded', [...Buffer.from(own)].map((byte) => `%${byte.toString(16)}`).join('')],
    ['cut short', own.slice(0, 20)],
  ])('is taken out %s', (_, form) => {
    expect(redact(`GET /tenants/${form}/x and ${form}.`)).toBe('GET /tenants/[redacted]/x and [redacted].')
  })

  test('leaves alone what only begins like it', () => {
    expect(redact('correct/horse/%25/x')).toBe('correct/horse/%25/x')
  })
})

test('an excerpt is short, whole and without secrets, also where a secret lies across its end', () => {
  expect(excerpt('a'.repeat(499) + '😀')).toBe(`${'a'.repeat(499)}\uFFFD`)
  expect(excerpt(`${'a'.repeat(470)} ${key}`)).not.toContain(secret.slice(0, 5))
})

describe('logs', () => {
  test('no string, nested object, error message, stack or cause carries a secret, and every line stays JSON', async () => {
    const lines: string[] = []
    const logger = await loggerTo(lines)
    logger.info(`proved ${key}`)
    logger.info(
      { request: { headers: { authorization: `Bearer ${key}` }, rawHeaders: ['Authorization', secret] } },
      'seen',
    )
    logger.error({ err: new Error(`refused ${key}`, { cause: new Error(`Bearer ${secret}`) }) }, 'failed')
    logger.error(new AggregateError([new Error(key)], key))
    expect(lines).toHaveLength(4)
    expect(lines.join('')).not.toContain(secret)
    expect(lines.map((line) => JSON.parse(line).level)).toEqual(['info', 'info', 'error', 'error'])
    expect(JSON.parse(lines[2] ?? '').err.cause.message).toBe('Bearer [redacted]')
  })

  test('a refusal of the database is told by its code and its names, never by the value that its message quotes', async () => {
    const lines: string[] = []
    const logger = await loggerTo(lines)
    const message = 'invalid input syntax for type uuid: "ada@example.com\n    at ada@example.com:1:2"'
    const refused = Object.assign(new Error(message), { severity: 'ERROR', code: '22P02', table: 'users' })
    logger.error({ err: new Error('could not be stored', { cause: refused }) }, 'failed')
    expect(lines.join('')).not.toContain('ada@example.com')
    const { cause } = JSON.parse(lines[0] ?? '').err
    expect(cause).toMatchObject({ message: 'the database refused it with SQLSTATE 22P02, users', code: '22P02' })
    expect(cause.stack).toMatch(/^ {4}at .*telemetry\.test/)
  })

  test('readable lines are as free of secrets', async () => {
    const lines: string[] = []
    const logger = await loggerTo(lines, { pretty: true })
    logger.info({ given: key }, 'hello')
    expect(lines.join('')).toMatch(/INFO: hello\n +given: "lk_live_aB3dE6gH9jK2_\[redacted\]"/)
  })

  test("Nest's warnings and errors are written, its chatter is not", async () => {
    const lines: string[] = []
    const nest = nestLogger(await loggerTo(lines))
    nest.log()
    nest.warn('odd', 'RoutesResolver')
    nest.error(new Error('broken'), 'Error: broken\n    at x', 'ExceptionsHandler')
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { level: 'warn', msg: 'odd', part: 'RoutesResolver' },
      { level: 'error', msg: 'broken', part: 'ExceptionsHandler', err: { message: 'broken' } },
    ])
  })
})

describe('traceOf', () => {
  const incoming = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00'

  test('goes on with an incoming trace', () => {
    expect(traceOf(incoming)).toEqual({ traceId: '4bf92f3577b34da6a3ce929d0e0e4736', traceparent: incoming })
    expect(traceOf(`${incoming.replace('00-', 'cc-')}-more`).traceparent).toBe(incoming)
  })

  test.each([
    undefined,
    '',
    'junk',
    incoming.toUpperCase(),
    `${incoming}-more`,
    incoming.replace('00-', 'ff-'),
    `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`,
    '00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01',
  ])('%s begins a new trace', (traceparent) => {
    const [one, other] = [traceOf(traceparent), traceOf(traceparent)]
    expect(one.traceparent).toMatch(new RegExp(`^00-${one.traceId}-[0-9a-f]{16}-01$`))
    expect(one.traceId).not.toBe(other.traceId)
    expect(one.traceId).not.toContain('4bf92f3577b34da6a3ce929d0e0e4736')
  })

  test('a thousand new traces are all different', () => {
    expect(new Set(Array.from({ length: 1000 }, () => traceOf(undefined).traceId)).size).toBe(1000)
  })
})

describe('without a collector', () => {
  test('spans run what they are given and keep the trace they were called with', async () => {
    const telemetry = await startTelemetry({ service: 'gateway' })
    const parent = traceOf(undefined)
    expect(telemetry.exporting).toBe(false)
    expect(await telemetry.span('accept', { parent: parent.traceparent }, async (span) => span.traceparent)).toBe(
      parent.traceparent,
    )
    expect(telemetry.span('accept', {}, (span) => span.traceparent.includes(span.traceId))).toBe(true)
    await telemetry.shutdown()
  })

  test('metrics are rendered for Prometheus with the labels of their name', async () => {
    const telemetry = await startTelemetry({ service: 'gateway' })
    telemetry.metrics.counter(metrics.requests).add(2, { idp: 'okta', operation: 'create', result: '201' })
    telemetry.metrics.counter(metrics.requests).add(1, { idp: 'okta', operation: 'create', result: '201' })
    telemetry.metrics.histogram(metrics.endToEnd).record(0.02, { group: 'audit' })
    telemetry.metrics.gauge(metrics.decisionsQueued, () => 7)
    telemetry.metrics.gauge(metrics.followerLag, () => [{ value: 3, labels: { group: 'audit' } }])
    const text = await telemetry.renderMetrics()
    expect(text).toContain('latchkey_requests_total{idp="okta",operation="create",result="201"} 3\n')
    expect(text).toContain('latchkey_event_end_to_end_seconds_bucket{group="audit",le="0.025"} 1\n')
    expect(text).toContain('latchkey_decisions_queued 7\n')
    expect(text).toContain('latchkey_follower_lag_seconds{group="audit"} 3\n')
    expect(text).toContain('latchkey_audit_dropped_total 0\n')
    expect(text).toMatch(/nodejs_eventloop_delay_p99 \d/)
    await telemetry.shutdown()
  })

  test('no metric has a tenant, a connection, a key or a person as a label', () => {
    const labels = Object.values(metrics).flatMap((name) => [...name.labels])
    expect(labels.filter((label) => /tenant|connection|kid|key|user|email/i.test(label))).toEqual([])
  })
})

describe('with a collector', () => {
  async function collector(status = 200) {
    const received: { url: string | undefined; body: Buffer }[] = []
    const server = createServer((request, response) => {
      void request.toArray().then((parts) => {
        received.push({ url: request.url, body: Buffer.concat(parts) })
        response.writeHead(status).end()
      })
    })
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    return { received, url: `http://127.0.0.1:${port}/`, stop: () => server.close() }
  }

  test('spans nest over await, name their trace in the logs, and are sent at shutdown without secrets', async () => {
    const otlp = await collector()
    const telemetry = await startTelemetry({ service: 'gateway', otlpEndpoint: otlp.url })
    const lines: string[] = []
    const logger = await loggerTo(lines)
    const parent = traceOf(undefined)
    const failure = telemetry.span(
      'outer',
      { kind: 'server', parent: parent.traceparent, attributes: { step: 'key' } },
      async (outer) => {
        await new Promise(setImmediate)
        logger.info('inside')
        const inner = telemetry.span('inner', {}, (span) => span)
        expect(inner.traceId).toBe(parent.traceId)
        expect(inner.traceparent).not.toBe(outer.traceparent)
        expect(JSON.parse(lines[0] ?? '')).toMatchObject({
          trace_id: parent.traceId,
          span_id: outer.traceparent.slice(36, 52),
        })
        throw new Error(`no ${key}`)
      },
    )
    await expect(failure).rejects.toThrow(key)
    await telemetry.shutdown()
    otlp.stop()
    const sent = Buffer.concat(otlp.received.map(({ body }) => body))
    expect(otlp.received[0]?.url).toBe('/v1/traces')
    for (const part of ['outer', 'inner', 'gateway', 'step', `lk_live_${kid}_[redacted]`])
      expect(sent.includes(part)).toBe(true)
    expect(sent.includes(Buffer.from(parent.traceId, 'hex'))).toBe(true)
    expect(sent.includes(secret)).toBe(false)
  })

  test('a trace that its caller does not record is not sent', async () => {
    const otlp = await collector()
    const telemetry = await startTelemetry({ service: 'gateway', otlpEndpoint: otlp.url })
    telemetry.span('quiet', { parent: traceOf(undefined).traceparent.replace(/01$/, '00') }, () => undefined)
    await telemetry.shutdown()
    otlp.stop()
    expect(otlp.received).toEqual([])
  })

  test('a collector that refuses is told of and harms nothing', async () => {
    const otlp = await collector(400)
    const failures: Error[] = []
    const telemetry = await startTelemetry({
      service: 'gateway',
      otlpEndpoint: otlp.url,
      onExportFailure: (error) => failures.push(error),
    })
    expect(telemetry.span('accept', {}, () => 5)).toBe(5)
    await telemetry.shutdown()
    otlp.stop()
    expect(failures).toHaveLength(1)
  })
})
