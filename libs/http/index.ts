/**
 * What every program of the product does alike over HTTP: the server and its limits, reading a body, problem details,
 * ranges of addresses, health, admin lists, and draining. Knows no service.
 */
export { createHttpAdapter, HttpAdapter } from './adapter.ts'
export { type ErrorForm, observeUnread, type Unread, type UnreadRequest } from './unread.ts'
export { readBody, BodyTooLarge, BodyAborted, BodyTimedOut, BodyUnreadable } from './body.ts'
export { type Breach, breachAdvice } from './breach.ts'
export { Problem, problemCodes, type ProblemCode, problems, renderProblem, statusOf } from './problem.ts'
export { unsupportedCoding } from './transfer-coding.ts'
export { ProblemFilter } from './problem-filter.ts'
export { HealthController, HEALTH_CHECKS, METRICS_TEXT, type HealthCheck } from './health.ts'
export { parse } from './parse.ts'
export { paging, pagingByAge, pagingQuery, pageOf, type Page, type Paging } from './paging.ts'
export { listen, PortTaken, type Listening } from './listen.ts'
export { type Caller, type CallerRules, type ProxyHeaders } from './caller.ts'
export {
  type CertificateFiles,
  type CertificatePair,
  CertificateUnusable,
  readCertificate,
  watchCertificate,
} from './certificate.ts'
