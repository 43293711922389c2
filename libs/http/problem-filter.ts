import { Catch, HttpException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { activeTraceId, redact, traceOf } from '#libs/telemetry/index'
import { Problem, problems, renderProblem } from './problem.ts'

export interface ProblemFilterOptions {
  readonly logger: { error(fields: object, message: string): void }
  /** Methods that some route takes at a path: `HttpAdapter.methodsAt`. */
  readonly methodsAt: (path: string) => readonly string[]
  /** Tells what was thrown only because the database is away: 503, to be tried again. */
  readonly isDatabaseAway?: (thrown: unknown) => boolean
  /** Addresses whose errors have another form than problem details (SCIM's), also where no route of theirs was reached. */
  readonly elsewhere?: readonly { readonly prefix: string; readonly filter: ExceptionFilter }[]
}

/** Answers whatever was thrown as problem details (RFC 9457). What is not a Problem is logged and told as `internal`. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  readonly #options: ProblemFilterOptions

  constructor(options: ProblemFilterOptions) {
    this.#options = options
  }

  catch(thrown: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<FastifyRequest>()
    const reply = host.switchToHttp().getResponse<FastifyReply>()
    const path = request.raw.url?.split('?', 1)[0] ?? ''
    const other = this.#options.elsewhere?.find(({ prefix }) => path.startsWith(prefix))
    if (other !== undefined) return void other.filter.catch(thrown, host)
    const problem = this.#problemOf(thrown, request, path)
    if (reply.sent) return
    reply
      .code(problem.status)
      .headers(problem.headers)
      .type('application/problem+json')
      .send(Buffer.from(bodyOf(problem)))
  }

  #problemOf(thrown: unknown, request: FastifyRequest, path: string): Problem {
    if (thrown instanceof Problem) return thrown
    if (this.#options.isDatabaseAway?.(thrown) === true) {
      return problems.unavailable('The database cannot be reached at the moment. Repeat the request.', 5)
    }
    const status = thrown instanceof HttpException ? thrown.getStatus() : 500
    if (status === 404) {
      const allowed = this.#options.methodsAt(path)
      if (allowed.length === 0 || allowed.includes(request.method)) return problems.unknownAddress(request.method, path)
      return problems.methodNotAllowed(request.method, path, allowed)
    }
    if (status === 403) return problems.forbidden('This request is not allowed here.')
    if (status === 414) return problems.addressTooLong()
    if (status === 415) return problems.unsupportedMediaType(request.headers['content-type'])
    if (status >= 400 && status < 500)
      return problems.badRequest('The request could not be understood. Check its address and headers.')
    const traceId = activeTraceId() ?? traceOf(request.headers.traceparent?.toString()).traceId
    this.#options.logger.error({ err: thrown, trace_id: traceId, method: request.method, path }, 'a request failed')
    return problems.internal(traceId)
  }
}

/** A detail may quote what the caller sent; that of a 401 quotes nothing, and its advice would look like a secret. */
function bodyOf(problem: Problem): string {
  const body = JSON.stringify(renderProblem(problem))
  return problem.status === 401 ? body : redact(body)
}
