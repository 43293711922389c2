import { STATUS_CODES, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { type Logger, metrics, type Telemetry } from '#libs/telemetry/index'
import { type Problem, problems, renderProblem } from './problem.ts'
import { originForm } from './request-target.ts'

/** A request that was refused by HTTP itself: no handler saw it whole, and most often none saw it at all. */
export interface Unread {
  readonly status: number
  /** As Node names it, such as HPE_HEADER_OVERFLOW; CONNECT, EXPECT or NO_HOST. */
  readonly reason: string
}

export interface UnreadOptions {
  /** Addresses whose errors have another form than problem details. */
  readonly forms?: readonly ErrorForm[]
  readonly told?: (unread: Unread) => void
}

export interface ErrorForm {
  /** Addresses begin so. */
  readonly prefix: string
  render(problem: Pick<Problem, 'detail'> & { readonly status: number }): {
    readonly contentType: string
    readonly body: string
  }
}

type ParserError = Error & { readonly code?: string; readonly rawPacket?: unknown }

/** Most such requests have no reply object; their answer is written to the socket. */
export class UnreadRequests {
  readonly #options: UnreadOptions

  constructor(options: UnreadOptions) {
    this.#options = options
  }

  /** For the server's `clientError`. */
  broken(error: ParserError, socket: Duplex): void {
    if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) return void socket.destroy()
    const [status, problem] = brokenRequest(error.code)
    this.#answer(socket, status, problem, targetIn(error.rawPacket), error.code ?? 'unknown')
  }

  /** Node hands a request for a tunnel to nobody but who listens for it. */
  refuseTunnels(server: Server): void {
    server.on('connect', (request: IncomingMessage, socket: Duplex) => {
      socket.on('error', () => undefined)
      this.#answer(socket, 405, problems.noTunnel(), request.url ?? '', 'CONNECT')
    })
  }

  /** Node answers any other than 100-continue without a body, unless somebody listens. RFC 9110 section 10.1.1. */
  refuseExpectations(server: Server): void {
    server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
      const detail = 'No other Expect than 100-continue can be met. Leave the header out.'
      this.#refuse(request, response, 417, problems.badRequest(detail), 'EXPECT')
    })
  }

  #refuse(request: IncomingMessage, response: ServerResponse, status: number, problem: Problem, reason: string): void {
    const { headers, body } = this.#render(status, problem, request.url ?? '')
    response.writeHead(status, headers).end(body)
    this.#options.told?.({ status, reason })
  }

  #answer(socket: Duplex, status: number, problem: Problem, target: string, reason: string): void {
    const { headers, body } = this.#render(status, problem, target)
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
    socket.end([`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, ...lines, '', body].join('\r\n'))
    this.#options.told?.({ status, reason })
  }

  #render(status: number, problem: Problem, target: string) {
    const form = this.#options.forms?.find(({ prefix }) => originForm(target).startsWith(prefix))
    const { contentType, body } = form?.render({ detail: problem.detail, status }) ?? {
      contentType: 'application/problem+json',
      body: JSON.stringify({ ...renderProblem(problem), status }),
    }
    const length = Buffer.byteLength(body)
    return {
      headers: { ...problem.headers, 'content-type': contentType, 'content-length': length, connection: 'close' },
      body,
    }
  }
}

function brokenRequest(code: string | undefined): [status: number, problem: Problem] {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return [408, problems.requestTimeout()]
  if (code === 'HPE_HEADER_OVERFLOW')
    return [431, problems.badRequest('The address and the headers are over the limit. Send fewer or shorter ones.')]
  return [400, problems.badRequest('The request breaks the rules of HTTP/1.1. Check the client or a proxy on the way.')]
}

const longestPrefix = 512

/** The beginning of the target, where the packet that could not be read is the request's first; else empty. */
function targetIn(packet: unknown): string {
  if (!Buffer.isBuffer(packet)) return ''
  const [, target = ''] = /^[A-Z-]+ +(\S+)/.exec(packet.toString('latin1', 0, longestPrefix)) ?? []
  return target
}

const silence = 1_000

/** Counts them, and logs a line of them, at most one a second: it names no address and nobody. */
export function observeUnread(telemetry: Pick<Telemetry, 'metrics'>, logger: Logger): (unread: Unread) => void {
  const unreadable = telemetry.metrics.counter(metrics.requestsUnreadable)
  let quietUntil = 0
  let unlogged = 0
  return ({ status, reason }) => {
    unreadable.add(1)
    if (performance.now() < quietUntil) return void unlogged++
    logger.warn({ status, reason, unlogged }, 'a request broke HTTP or its limits, and could not be read')
    quietUntil = performance.now() + silence
    unlogged = 0
  }
}
