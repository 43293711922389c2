import { Controller, Get, Header, Inject, Res } from '@nestjs/common'
import type { FastifyReply } from 'fastify'

/** One thing the program works with. `check` rejects with the reason when it is missing. */
export interface HealthCheck {
  readonly name: string
  /** What the program is without it: not ready unless told. */
  readonly without?: 'not-ready' | 'degraded'
  check(): Promise<void>
}
export type MetricsText = () => Promise<string>

/** Nest provider: all checks of the process. */
export const HEALTH_CHECKS = Symbol('HEALTH_CHECKS')
/** Nest provider: renders the metrics of the process for Prometheus. */
export const METRICS_TEXT = Symbol('METRICS_TEXT')

const checkTimeoutMs = 2000

/** Mounted once in a process, whether it holds one service or all. No token: it tells nothing about any tenant. */
@Controller()
export class HealthController {
  readonly #checks: readonly HealthCheck[]
  readonly #metricsText: MetricsText

  constructor(@Inject(HEALTH_CHECKS) checks: readonly HealthCheck[], @Inject(METRICS_TEXT) metricsText: MetricsText) {
    this.#checks = checks
    this.#metricsText = metricsText
  }

  /** The process runs; a restart would not help it. */
  @Get('health/live')
  @Header('cache-control', 'no-store')
  live() {
    return { status: 'live' }
  }

  /** Whether the process can serve, 200 or 503: what is missing for that, and without what it serves all the same. */
  @Get('health/ready')
  @Header('cache-control', 'no-store')
  async ready(@Res({ passthrough: true }) reply: FastifyReply) {
    const reasons = await Promise.all(this.#checks.map(reasonMissing))
    const lacking = (without: HealthCheck['without']) =>
      this.#checks.flatMap(({ name, ...check }, at) => {
        const reason = reasons[at]
        return reason === undefined || (check.without ?? 'not-ready') !== without ? [] : [{ name, reason }]
      })
    const missing = lacking('not-ready')
    if (missing.length > 0) reply.code(503)
    return { status: missing.length === 0 ? 'ready' : 'not-ready', missing, degraded: lacking('degraded') }
  }

  @Get('metrics')
  @Header('content-type', 'text/plain; version=0.0.4; charset=utf-8')
  metrics(): Promise<string> {
    return this.#metricsText()
  }
}

async function reasonMissing(check: HealthCheck): Promise<string | undefined> {
  const late = Promise.withResolvers<string>()
  const timer = setTimeout(() => late.resolve(`no answer within ${checkTimeoutMs / 1000} s`), checkTimeoutMs)
  try {
    return await Promise.race([late.promise, check.check().then(() => undefined)])
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  } finally {
    clearTimeout(timer)
  }
}
