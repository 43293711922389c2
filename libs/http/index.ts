/**
 * What every program of the product does alike over HTTP: the server and its limits, reading a body, problem details,
 * the admin token, health, admin lists, and draining. Knows no service.
 */
export { createHttpAdapter, HttpAdapter, type HttpOptions } from './adapter.ts'
export { observeUnread, type ErrorForm, type Unread } from './unread.ts'
export { readBody, drainBody, BodyTooLarge, BodyAborted, BodyTimedOut } from './body.ts'
export {
  Problem,
  problems,
  renderProblem,
  type ProblemCode,
  type ProblemDetails,
  type ProblemError,
} from './problem.ts'
export { ProblemFilter, type ProblemFilterOptions } from './problem-filter.ts'
export { AdminGuard, ADMIN_TOKEN } from './admin-guard.ts'
export { HealthController, HEALTH_CHECKS, METRICS_TEXT, type HealthCheck, type MetricsText } from './health.ts'
export { parse } from './parse.ts'
export { paging, pagingByAge, pageOf, type Page, type Paging, type PagingByAge } from './paging.ts'
export { listen, PortTaken, type Listening } from './listen.ts'
export { callerAddress } from './caller-address.ts'
