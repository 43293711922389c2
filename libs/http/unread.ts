import { STATUS_CODES, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type Logger, metrics, type Telemetry } from '#libs/telemetry/index'
import { BodyAborted, BodyUnreadable, breakBody } from './body.ts'
import type { Caller, Callers } from './caller.ts'
import { type Problem, problems, renderProblem } from './problem.ts'

/** A request that HTTP itself cannot read: no handler saw it whole, and most often none saw it at all. */
export interface Unread {
  /** As answered, where its handler has not refused it for something else. */
  readonly status: number
  /** As Node names it, such as HPE_HEADER_OVERFLOW; CONNECT or EXPECT. */
  readonly reason: string
  /** Cause and fix. */
  readonly detail: string
  /**
   * Undefined where a handler has the request already and what broke is its body; and where it is not known which one it was, as what broke came apart from its first line, or
   * together with another request.
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

type ParserError = Error & { readonly code?: string; readonly rawPacket?: unknown }

/** A request whose headers were read whole, and its answer. */
interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  isOver: boolean
}

/** Most such requests have no reply object; their answer is written to the socket. */
export class UnreadRequests {
  readonly #options: UnreadOptions
  readonly #listeners: ((unread: Unread) => void)[] = []
  /** Of each connection, in their order, those whose answer is under way, or of which bytes may stand in the packet that is read next. */
  readonly #exchanges = new WeakMap<Duplex, Set<Exchange>>()
  /** Of each connection, how many bytes had been read when the last of those was over. */
  readonly #readBefore = new WeakMap<Duplex, number>()
  /** Connections that broke. */
  readonly #broken = new WeakMap<Duplex, 'waits' | 'answered'>()

  constructor(options: UnreadOptions) {
    this.#options = options
  }

  /** Told of each from then on. */
  listen(told: (unread: Unread) => void): void {
    this.#listeners.push(told)
  }

  /** For the server's `clientError`: once a connection is broken, of whatever else arrives on it. */
  broken(error: ParserError, socket: Duplex): void {
    const broken = this.#broken.get(socket)
    if (error.code === 'ECONNRESET' || broken === 'answered' || socket.destroyed) return void socket.destroy()
    // It ends with the answer that is under way.
    if (broken === 'waits' || !socket.writable) return
    const exchanges = [...(this.#exchanges.get(socket) ?? [])]
    const last = exchanges.at(-1)
    // What broke is its body then.
    const own = last?.request.complete === false ? last : undefined
    // A body, or the end of one, may look like the first line of another request.
    const first = last === undefined ? firstLineIn(error, socket, this.#readBefore.get(socket) ?? 0) : undefined
    const [status, problem] = own === undefined ? brokenHead(error.code) : brokenBody(error.code)
    const awaited = exchanges.filter((one) => !one.isOver && (one.request.complete || one.response.writableEnded))
    const isLate = error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
    const answer = (): void => {
      if (!socket.writable) return
      this.#broken.set(socket, 'answered')
      if (own?.response.headersSent === true) socket.end()
      else this.#answer(socket, status, problem, own?.request.url ?? first?.target ?? '')
    }
    switch (turnOf(own, awaited, isLate)) {
      case 'none':
        socket.destroy()
        break
      case 'of its handler':
        this.#broken.set(socket, 'waits')
        if (own !== undefined)
          leaveToHandler(own, status === 408 ? new BodyAborted() : new BodyUnreadable(problem.detail))
        break
      case 'behind others':
        this.#broken.set(socket, 'waits')
        awaited.at(-1)?.response.once('close', answer)
        break
      case 'at once':
        answer()
    }
    this.#tell(status, error.code ?? 'unknown', problem, first && { ...first, socket, headers: {} })
  }

  /** So that what breaks a body is not taken for a request of its own, and no answer is broken into. */
  heedRequests(server: Server): void {
    server.on('request', (request: IncomingMessage, response: ServerResponse) => this.#heed(request, response))
  }

  #heed(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request
    const exchanges = this.#exchanges.get(socket) ?? new Set()
    const exchange: Exchange = { request, response, isOver: false }
    this.#exchanges.set(socket, exchanges.add(exchange))
    response.once('close', () => {
      exchange.isOver = true
      // By then the packet in hand has been read to its end.
      setImmediate(() => {
        if (!request.complete) return
        exchanges.delete(exchange)
        this.#readBefore.set(socket, socket.bytesRead)
      })
    })
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
      this.#heed(request, response)
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

/** When and by whom what broke is answered. `own`: the request whose body broke; `awaited`: those whose answers come first. */
function turnOf(
  own: Exchange | undefined,
  awaited: readonly Exchange[],
  isLate: boolean,
): 'none' | 'of its handler' | 'behind others' | 'at once' {
  const { headersSent = false, writableEnded = false } = own?.response ?? {}
  if (own?.isOver === false && headersSent && !writableEnded) return 'none'
  // The rest of a request that is only late could arrive meanwhile.
  if (isLate) return awaited.length > 0 ? 'none' : 'at once'
  // It may have refused it already, and tells what it answers.
  if (own?.isOver === false && !headersSent) return 'of its handler'
  return awaited.length > 0 ? 'behind others' : 'at once'
}

function leaveToHandler({ request, response }: Exchange, fault: BodyAborted | BodyUnreadable): void {
  response.setHeader('connection', 'close')
  breakBody(request, fault)
}

function brokenHead(code: string | undefined): [status: number, problem: Problem] {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return [408, problems.requestTimeout()]
  if (code === 'HPE_HEADER_OVERFLOW')
    return [431, problems.badRequest('The address and the headers are over the limit. Send fewer or shorter ones.')]
  return [400, problems.badRequest('The request breaks the rules of HTTP/1.1. Check the client or a proxy on the way.')]
}

function brokenBody(code: string | undefined): [status: number, problem: Problem] {
  if (code === 'HPE_INVALID_EOF_STATE') return [408, problems.requestTimeout()]
  const [status, problem] = brokenHead(code)
  return [status === 408 ? 408 : 400, problem]
}

interface Sent extends Pick<IncomingMessage, 'headers'> {
  readonly method: string
  readonly target: string
  readonly socket: Duplex
}

function sentBy({ method = '', url = '', socket, headers }: IncomingMessage): Sent {
  return { method, target: url, socket, headers }
}

/** Method and target, where the packet that could not be read is the first after so many bytes, and begins with a whole first line. */
function firstLineIn(
  { rawPacket }: ParserError,
  socket: Duplex,
  readBefore: number,
): Pick<Sent, 'method' | 'target'> | undefined {
  if (!Buffer.isBuffer(rawPacket) || !(socket instanceof Socket)) return undefined
  // A header that is read in two packets may go on like a first line.
  if (socket.bytesRead !== readBefore + rawPacket.length) return undefined
  const text = rawPacket.toString('latin1')
  const [line = ''] = /^(?:\r\n)*[^\r\n]*\r?\n/.exec(text) ?? []
  const [, method, target] = /^(?:\r\n)*([A-Z-]{1,32}) +([\x21-\x7e]+)/.exec(line) ?? []
  if (method === undefined || target === undefined || !/ HTTP\/\d\.\d\r?\n$/.test(line)) return undefined
  return { method, target }
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
