import { STATUS_CODES, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type Logger, metrics, type Telemetry } from '#libs/telemetry/index'
import type { Caller, Callers } from './caller.ts'
import { type Problem, problems, renderProblem } from './problem.ts'

/** A request that was refused by HTTP itself, and has been answered: no handler saw it whole, and most often none saw it at all. */
export interface Unread {
  readonly status: number
  /** As Node names it, such as HPE_HEADER_OVERFLOW; CONNECT or EXPECT. */
  readonly reason: string
  /** Cause and fix, as answered. */
  readonly detail: string
  /**
   * Undefined where a handler has the request already and what broke is its body, or what followed it; and where it is not known which one it was, as what broke came
   * apart from its first line.
   */
  readonly request?: UnreadRequest
}

/** Of its headers nothing is believed where they could not be read: it comes from the other end of its connection. */
export interface UnreadRequest {
  readonly method: string
  /** In the form that routes go by. */
  readonly target: string
  readonly caller: Caller
}

export interface UnreadOptions {
  /** Addresses whose errors have another form than problem details. */
  readonly forms: readonly ErrorForm[]
  /** The form of a target that routes go by. */
  readonly routed: (target: string) => string
  readonly callers: Callers
}

export interface ErrorForm {
  /** Addresses begin so. */
  readonly prefix: string
  render(problem: Pick<Problem, 'detail'> & { readonly status: number }): {
    readonly contentType: string
    readonly body: string
  }
}

type ParserError = Error & { readonly code?: string; readonly rawPacket?: unknown; readonly bytesParsed?: number }

/** Most such requests have no reply object; their answer is written to the socket. */
export class UnreadRequests {
  readonly #options: UnreadOptions
  readonly #listeners: ((unread: Unread) => void)[] = []
  /** Of each connection, the last request whose headers were read whole. */
  readonly #lastOn = new WeakMap<Duplex, IncomingMessage>()

  constructor(options: UnreadOptions) {
    this.#options = options
  }

  /** Told of each from then on. */
  listen(told: (unread: Unread) => void): void {
    this.#listeners.push(told)
  }

  /** For the server's `clientError`. */
  broken(error: ParserError, socket: Duplex): void {
    if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) return void socket.destroy()
    const [status, problem] = brokenRequest(error.code)
    const last = this.#lastOn.get(socket)
    // What broke is its body then, which may hold what looks like the first line of another request.
    if (last?.complete === false) {
      this.#answer(socket, status, problem, last.url ?? '')
      return this.#tell(status, error.code ?? 'unknown', problem, undefined)
    }
    const { method, target, isHandled } = firstLineIn(error)
    this.#answer(socket, status, problem, target)
    const request = isHandled || target === '' ? undefined : { method, target, socket, headers: {} }
    this.#tell(status, error.code ?? 'unknown', problem, request)
  }

  /** So that what breaks a body is not taken for a request of its own. */
  heedRequests(server: Server): void {
    server.on('request', (request: IncomingMessage) => this.#lastOn.set(request.socket, request))
  }

  /** Node hands a request for a tunnel to nobody but who listens for it. */
  refuseTunnels(server: Server): void {
    server.on('connect', (request: IncomingMessage, socket: Duplex) => {
      socket.on('error', () => undefined)
      this.#answer(socket, 405, problems.noTunnel(), request.url ?? '')
      this.#tell(405, 'CONNECT', problems.noTunnel(), sentBy(request))
    })
  }

  /** Node answers any other than 100-continue without a body, unless somebody listens. RFC 9110 section 10.1.1. */
  refuseExpectations(server: Server): void {
    server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
      const problem = problems.badRequest('No other Expect than 100-continue can be met. Leave the header out.')
      const { headers, body } = this.#render(417, problem, request.url ?? '')
      response.writeHead(417, headers).end(body)
      this.#tell(417, 'EXPECT', problem, sentBy(request))
    })
  }

  #answer(socket: Duplex, status: number, problem: Problem, target: string): void {
    const { headers, body } = this.#render(status, problem, target)
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
    socket.end([`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, ...lines, '', body].join('\r\n'))
  }

  #tell(status: number, reason: string, { detail }: Problem, sent: Sent | undefined): void {
    const { routed, callers } = this.#options
    const unread: Unread = { status, reason, detail }
    const told =
      sent === undefined || !(sent.socket instanceof Socket)
        ? unread
        : {
            ...unread,
            request: {
              method: sent.method,
              target: routed(sent.target),
              caller: callers.of({ socket: sent.socket, headers: sent.headers }),
            },
          }
    for (const listener of this.#listeners) listener(told)
  }

  #render(status: number, problem: Problem, target: string) {
    const form = this.#options.forms.find(({ prefix }) => this.#options.routed(target).startsWith(prefix))
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

interface Sent extends Pick<IncomingMessage, 'headers'> {
  readonly method: string
  readonly target: string
  readonly socket: Duplex
}

function sentBy({ method = '', url = '', socket, headers }: IncomingMessage): Sent {
  return { method, target: url, socket, headers }
}

/** Method and target, empty where the packet that could not be read does not begin with them; and whether the header section after them was read whole, so that a handler has the request. */
function firstLineIn({ rawPacket, bytesParsed = 0 }: ParserError): {
  readonly method: string
  readonly target: string
  readonly isHandled: boolean
} {
  const text = Buffer.isBuffer(rawPacket) ? rawPacket.toString('latin1') : ''
  const [line = '', method = '', target = ''] =
    /^(?:\r\n)*([A-Z-]{1,32}) +([\x21-\x7e]+)(?=[^\x21-\x7e])/.exec(text) ?? []
  const end = text.indexOf('\r\n\r\n', line.length)
  return { method, target, isHandled: end !== -1 && bytesParsed >= end + '\r\n\r\n'.length }
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
