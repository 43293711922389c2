import { type IncomingMessage, METHODS, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { Server as TlsServer, type TLSSocket } from 'node:tls'
import { FastifyAdapter } from '@nestjs/platform-fastify'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { type Breach, breachAdvice, breachOf, hasTransferCodingOfOldHttp } from './breach.ts'
import { BodyAborted, BodyTooLarge, BodyUnreadable, drainBody, readBody } from './body.ts'
import { type Caller, type CallerRules, Callers, directCallers } from './caller.ts'
import { type CertificatePair, leastVersion } from './certificate.ts'
import { readJson } from './json-body.ts'
import { problems, renderProblem } from './problem.ts'
import { isOpen, originForm, routable } from './request-target.ts'
import { RouteTable } from './route-table.ts'
import { strangersOneByOne } from './strangers.ts'
import { unsupportedCoding } from './transfer-coding.ts'
import { type ErrorForm, type Unread, UnreadRequests } from './unread.ts'

export interface HttpOptions {
  /** Largest JSON body in bytes. */
  readonly bodyLimit: number
  /** How long a request may take to arrive whole. */
  readonly requestTimeoutMs: number
  /** Largest header section in bytes; 16 KiB unless told. */
  readonly headerLimit?: number
  /**
   * Addresses that begin so get their body unread, of any content type: their handlers read it themselves (`readBody`
   * on `request.raw`) once they know who is asking. The content type is to be read from `request.raw.headers`.
   */
  readonly rawPrefixes?: readonly string[]
  /** Addresses whose errors have another form than problem details, also where HTTP itself refuses a request. */
  readonly forms?: readonly ErrorForm[]
  /** Serves over TLS, of version 1.2 at the least, and nothing else. */
  readonly certificate?: CertificatePair
  /** Who is believed about where a request comes from; no proxy unless told. */
  readonly callers?: CallerRules
}

declare module 'fastify' {
  interface FastifyRequest {
    /** By `performance.now()`. */
    arrivedAt: number
    caller: Caller
    /** Refused by the handler where handlers read the body themselves, and else before anybody is asked who sent it. */
    breach: Breach | undefined
  }
}

/** What is left of a refused body is read and dropped up to this much, so that the client hears why. */
const drainLimit = 8 * 1024 * 1024
const drainTimeoutMs = 2000

/** Nest's Fastify adapter with our limits. Create the application with `bodyParser: false`. */
export class HttpAdapter extends FastifyAdapter {
  readonly #routes: RouteTable
  readonly #unread: UnreadRequests
  #draining = false
  readonly #toldOfDraining: (() => void)[] = []

  constructor(options: HttpOptions) {
    const routed = (target: string): string => routable(originForm(target), options.rawPrefixes ?? [])
    const callers = new Callers(options.callers ?? directCallers)
    const unread = new UnreadRequests({ forms: options.forms ?? [], callers, routed })
    const limits = {
      maxHeaderSize: options.headerLimit ?? 16 * 1024,
      headersTimeout: options.requestTimeoutMs,
      connectionsCheckingInterval: Math.min(1000, options.requestTimeoutMs),
      requireHostHeader: false,
    }
    super({
      bodyLimit: options.bodyLimit,
      requestTimeout: options.requestTimeoutMs,
      ...(options.certificate === undefined
        ? { http: limits }
        : { https: { ...limits, ...tlsOf(options.certificate), requestCert: true, rejectUnauthorized: false } }),
      rewriteUrl: (request: IncomingMessage) => routed(request.url ?? '/'),
      routerOptions: { maxParamLength: options.headerLimit ?? 16 * 1024 },
      clientErrorHandler: (error, socket) => unread.broken(error, socket),
      frameworkErrors: (error: FastifyError, _request: FastifyRequest, reply: FastifyReply) =>
        answerBrokenAddress(error.code, reply),
      forceCloseConnections: false,
    })
    this.#unread = unread
    const instance = this.getInstance<FastifyInstance>()
    instance.server.off('request', instance.routing)
    instance.server.on('request', strangersOneByOne(instance.routing))
    unread.heedRequests(instance.server)
    unread.refuseTunnels(instance.server)
    unread.refuseExpectations(instance.server)
    // As over plain HTTP, whoever has sent all that there is still hears the answer.
    instance.server.on('secureConnection', (socket: TLSSocket) => (socket.allowHalfOpen = true))
    routeEveryMethod(instance)
    knowCallers(instance, callers, options.rawPrefixes)
    this.#routes = new RouteTable(instance)
    useBodyRules(instance, options)
    instance.addHook('onSend', (_request, reply, payload, done) => {
      if (this.#draining) reply.header('connection', 'close')
      done(null, payload)
    })
  }

  /** `told` hears of each request that HTTP itself refuses. */
  onUnread(told: (unread: Unread) => void): void {
    this.#unread.listen(told)
  }

  /** Every route, as `GET /admin/v1/tenants/:tenant`; HEAD goes without saying where there is GET. */
  get routes(): readonly string[] {
    return this.#routes.all
  }

  /** Methods that some route takes at this path; empty when none does. */
  methodsAt(path: string): readonly string[] {
    return this.#routes.methodsAt(path)
  }

  /** New connections are met with this certificate; those that stand go on. */
  useCertificate(pair: CertificatePair): void {
    const { server } = this.getInstance<FastifyInstance>()
    if (!(server instanceof TlsServer)) throw new TypeError('this server was not made to serve over TLS')
    server.setSecureContext(tlsOf(pair))
  }

  /** `told` hears when it begins to drain: what is in flight is to be answered soon. */
  onDrain(told: () => void): void {
    this.#toldOfDraining.push(told)
  }

  /** Takes no more connections and waits until what is in flight is answered; cuts off the rest after `limitMs`. */
  async drain(limitMs: number): Promise<void> {
    this.#draining = true
    for (const told of this.#toldOfDraining) told()
    const server: Server = this.getInstance<FastifyInstance>().server
    const timer = setTimeout(() => server.closeAllConnections(), limitMs)
    await new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeIdleConnections()
    })
    clearTimeout(timer)
  }
}

export function createHttpAdapter(options: HttpOptions): HttpAdapter {
  return new HttpAdapter(options)
}

/** Clients are asked for a certificate, and may have none, or one of any authority: a key may want to be used with a certain one alone. */
function tlsOf({ cert, key }: CertificatePair) {
  return { cert, key, minVersion: leastVersion } as const
}

type Arrived = Pick<FastifyRequest, 'arrivedAt' | 'caller' | 'breach'>

/**
 * Who sent it is known before anything else is done, when it arrives: it may wait before it begins, and of a caller that has hung up meanwhile nothing is to be found out. What takes a
 * token is refused in clear before its body is read. Where handlers read the body themselves they judge this, too.
 */
function knowCallers(instance: FastifyInstance, callers: Callers, rawPrefixes: readonly string[] = []): void {
  const ended = new WeakSet<Socket>()
  const arrived = new WeakMap<IncomingMessage, Arrived>()
  const arrive = (request: IncomingMessage): Arrived => {
    // What was sent along with the last of a connection is handed out all the same.
    const breach = breachOf(request) ?? (ended.has(request.socket) ? 'transfer-coding-of-old-http' : undefined)
    return { arrivedAt: performance.now(), caller: callers.of(request), breach }
  }
  instance.server.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
    arrived.set(request, arrive(request))
    if (!hasTransferCodingOfOldHttp(request)) return
    ended.add(request.socket)
    response.setHeader('connection', 'close')
  })
  instance.addHook('onRequest', (request, _reply, done) => {
    Object.assign(request, arrived.get(request.raw) ?? arrive(request.raw))
    done()
  })
  instance.addHook('preParsing', (request, _reply, payload, done) => {
    const url = request.raw.url ?? ''
    const isRaw = rawPrefixes.some((prefix) => url.startsWith(prefix))
    if (!isRaw && request.breach !== undefined) return done(problems.badRequest(breachAdvice(request.breach)), payload)
    const isOurs = !isOpen(url) && !isRaw
    if (isOurs && request.caller.link === 'clear') return done(problems.inClear(), payload)
    if (isOurs && request.caller.address === undefined) return done(problems.addressUnreadable(), payload)
    done(null, payload)
  })
}

const bodied = new Set(['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

/**
 * Every method that Node parses goes the way of those we serve, to the refusal of one that does not fit the address; the body
 * of any other than these is left unread. CONNECT does not come here: Node treats it apart.
 */
function routeEveryMethod(instance: FastifyInstance): void {
  for (const method of METHODS) {
    if (method !== 'CONNECT' && !bodied.has(method)) instance.addHttpMethod(method, { overrideExisting: true })
  }
}

function useBodyRules(instance: FastifyInstance, { bodyLimit, rawPrefixes = [] }: HttpOptions): void {
  const isRaw = (request: FastifyRequest) =>
    rawPrefixes.some((prefix) => request.raw.url?.startsWith(prefix) || request.routeOptions.url?.startsWith(prefix))

  instance.removeAllContentTypeParsers()
  instance.addContentTypeParser('*', (request, payload: IncomingMessage, done) => {
    if (request.is404 || isRaw(request)) return done(null, undefined)
    if (!isJson(request.headers['content-type'])) {
      return done(problems.unsupportedMediaType(request.headers['content-type']), undefined)
    }
    const encoding = request.headers['content-encoding']
    if (encoding !== undefined && !/^identity$/i.test(encoding)) {
      return done(problems.unsupportedContentEncoding(encoding), undefined)
    }
    const coding = unsupportedCoding(request.raw)
    if (coding !== undefined) return done(problems.unsupportedTransferCoding(coding), undefined)
    readBody(payload, bodyLimit).then(
      (body) => {
        if (body.length === 0) return done(null, undefined)
        try {
          return done(null, readJson(body))
        } catch (error) {
          return done(asError(error), undefined)
        }
      },
      (error: unknown) => {
        if (error instanceof BodyUnreadable) return done(problems.badRequest(error.detail), undefined)
        if (error instanceof BodyAborted) return done(problems.requestTimeout(), undefined)
        if (!(error instanceof BodyTooLarge)) return done(asError(error), undefined)
        return drainBody(payload, drainLimit, drainTimeoutMs).then(() =>
          done(problems.payloadTooLarge(bodyLimit), undefined),
        )
      },
    )
  })

  // Fastify itself answers 415 to a content type that is none ("json"), before any parser is asked.
  instance.addHook('onRequest', (request, _reply, done) => {
    const contentType = request.raw.headers['content-type']
    if (contentType !== undefined && !mediaType.test(contentType) && isRaw(request)) {
      request.headers = { 'content-type': 'application/octet-stream' }
    }
    done()
  })

  // No database takes this character, and what the address names has none. Not sooner: a refusal is to be recorded too.
  instance.addHook('preValidation', (request, _reply, done) => {
    const unstorable = !isRaw(request) && request.raw.url?.includes('%00') === true
    done(unstorable ? problems.badRequest('The address holds the character U+0000 (%00). Take it out.') : undefined)
  })

  instance.addHook('onSend', (request, reply, payload, done) => {
    if (!hasUnreadBody(request.raw)) return done(null, payload)
    return void drainBody(request.raw, drainLimit, drainTimeoutMs).then((drained) => {
      if (!drained) reply.header('connection', 'close')
      done(null, payload)
    })
  })
}

const mediaType = /^[\w!#$%&'*+.^`|~-]+\/[\w!#$%&'*+.^`|~-]+\s*(;|$)/

function isJson(contentType: string | undefined): boolean {
  if (contentType === undefined || !/^application\/json\s*(;|$)/i.test(contentType)) return false
  const [, charset] = /;\s*charset\s*=\s*"?([^\s;"]*)/i.exec(contentType) ?? []
  return charset === undefined || /^utf-?8$/i.test(charset)
}

function hasUnreadBody(request: IncomingMessage): boolean {
  if (request.complete) return false
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers
  return encoding !== undefined || (length !== undefined && length !== '0')
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}

/** An address that the router cannot take apart reaches no route and no filter. */
function answerBrokenAddress(code: string, reply: FastifyReply): void {
  const tooLong = code === 'FST_ERR_MAX_PARAM_LENGTH'
  const problem = tooLong
    ? problems.addressTooLong()
    : problems.badRequest('The address cannot be decoded. Check its percent signs.')
  reply
    .code(problem.status)
    .type('application/problem+json')
    .send(Buffer.from(JSON.stringify(renderProblem(problem))))
}
