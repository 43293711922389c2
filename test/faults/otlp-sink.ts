import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface SentSpan {
  readonly traceId: string
  /** `service.name` of the process that sent it. */
  readonly service: string
  readonly name: string
  readonly attributes: Readonly<Record<string, string>>
}

export interface OtlpSink {
  readonly url: string
  readonly spans: SentSpan[]
  stop(): Promise<void>
}

/** A collector that keeps what it is sent (OTLP over HTTP, protobuf). */
export async function startOtlpSink(): Promise<OtlpSink> {
  const spans: SentSpan[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      spans.push(...readSpans(Buffer.concat(chunks)))
      response.writeHead(200).end()
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    spans,
    stop: async () => {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

/**
 * ExportTraceServiceRequest: resource_spans = 1, resource = 1, scope_spans = 2, spans = 2; of a Resource: attributes = 1; of a Span:
 * trace_id = 1, name = 5, attributes = 9.
 */
function readSpans(request: Buffer): SentSpan[] {
  return inside(request, 1).flatMap((sent) => {
    const resource = attributesOf(inside(sent, 1).flatMap((found) => inside(found, 1)))
    return inside(sent, 2)
      .flatMap((scope) => inside(scope, 2))
      .map((span) => ({
        traceId: inside(span, 1)[0]?.toString('hex') ?? '',
        service: resource['service.name'] ?? '',
        name: inside(span, 5)[0]?.toString('utf8') ?? '',
        attributes: attributesOf(inside(span, 9)),
      }))
  })
}

/** KeyValue: key = 1, value = 2; of it, string_value = 1. */
function attributesOf(attributes: readonly Buffer[]): Record<string, string> {
  return Object.fromEntries(
    attributes.map((attribute) => [
      inside(attribute, 1)[0]?.toString('utf8') ?? '',
      inside(inside(attribute, 2)[0] ?? Buffer.alloc(0), 1)[0]?.toString('utf8') ?? '',
    ]),
  )
}

/** The length-delimited fields of that number in a protobuf message. */
function inside(message: Buffer, wanted: number): Buffer[] {
  const found: Buffer[] = []
  for (let at = 0; at < message.length;) {
    const tag = varint()
    const kind = tag % 8
    if (kind === 0) varint()
    else if (kind === 1) at += 8
    else if (kind === 5) at += 4
    else {
      const length = varint()
      if (Math.floor(tag / 8) === wanted) found.push(message.subarray(at, at + length))
      at += length
    }

    function varint(): number {
      let value = 0
      for (let scale = 1; ; scale *= 128) {
        const byte = message[at++] ?? 0
        value += (byte % 128) * scale
        if (byte < 128) return value
      }
    }
  }
  return found
}
