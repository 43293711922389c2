/**
 * What every program of the product does alike over HTTP: the server and its limits, reading a body, problem details,
 * the admin token, health, admin lists, and draining. Knows no service.
 */
export { createHttpAdapter, type HttpAdapter } from './adapter.ts'
export { observeUnread, type ErrorForm } from './unread.ts'
export { readBody, BodyTooLarge, BodyAborted, BodyTimedOut } from './body.ts'
export { Problem, problems, renderProblem } from './problem.ts'
export { ProblemFilter } from './problem-filter.ts'
export { AdminGuard, ADMIN_TOKEN } from './admin-guard.ts'
export { HealthController, HEALTH_CHECKS, METRICS_TEXT, type HealthCheck } from './health.ts'
export { parse } from './parse.ts'
export { paging, pagingByAge, pageOf, type Page, type Paging } from './paging.ts'
export { listen, PortTaken, type Listening } from './listen.ts'
export type { ClientCertificate } from './client-certificate.ts'
export { type Caller, type CallerRules, directCallers, loopback, type ProxyHeaders } from './caller.ts'
export {
  type CertificateFiles,
  type CertificatePair,
  CertificateUnusable,
  readCertificate,
  watchCertificate,
} from './certificate.ts'
