/** One fault of the request, at a JSON pointer into the body (RFC 6901, as a URI fragment: `#/name`). */
export interface ProblemError {
  readonly pointer: string
  readonly detail: string
}

/** Every problem that is not SCIM's: code, status and title are a promise to callers. */
const kinds = {
  malformedJson: [400, 'The body is not JSON'],
  badRequest: [400, 'The request cannot be understood'],
  unauthorized: [401, 'The admin token is missing or wrong'],
  tokenRevoked: [401, 'The admin token was revoked'],
  tokenExpired: [401, 'The admin token has expired'],
  forbidden: [403, 'This is not allowed'],
  inClear: [403, 'Plain HTTP is not taken here'],
  addressUnreadable: [400, 'Where the request comes from is unknown'],
  addressRefused: [403, 'The admin token is not accepted from this address'],
  scopeMissing: [403, 'The admin token lacks a scope'],
  tenantsRefused: [403, 'The admin token is limited to some tenants'],
  moreThanOwn: [403, 'Nobody can give a token more than he has'],
  notFound: [404, 'There is no such thing'],
  methodNotAllowed: [405, 'The method does not fit the address'],
  requestTimeout: [408, 'The request took too long to arrive'],
  conflict: [409, 'The request contradicts what is there'],
  preconditionFailed: [412, 'It is not as the condition has it'],
  payloadTooLarge: [413, 'The body is too large'],
  addressTooLong: [414, 'The address is too long'],
  unsupportedMediaType: [415, 'The content type is not supported'],
  unsupportedContentEncoding: [415, 'The content encoding is not supported'],
  unsupportedTransferCoding: [501, 'The transfer coding is not supported'],
  invalid: [422, 'The request breaks a rule'],
  idempotencyKeyReused: [422, 'The Idempotency-Key was used for another request'],
  idempotencyKeyInUse: [409, 'The first request with this Idempotency-Key is still running'],
  tooManyRequests: [429, 'Too many requests came in a short time'],
  tooManyRefused: [429, 'Too many requests without an accepted admin token came in a short time'],
  internal: [500, 'The server failed'],
  pepperUnknown: [503, 'The admin token cannot be compared here'],
  unavailable: [503, 'The service cannot answer now'],
} as const satisfies Record<string, readonly [status: number, title: string]>

export type ProblemCode = keyof typeof kinds

export const problemCodes = Object.keys(kinds) as readonly ProblemCode[]

export function statusOf(code: ProblemCode): number {
  return kinds[code][0]
}

/** A refusal or failure that is told to the caller. `detail` gives the cause and the fix and holds no secret. */
export class Problem extends Error {
  override readonly name = 'Problem'
  readonly code: ProblemCode
  readonly status: number
  readonly title: string
  readonly detail: string
  readonly errors: readonly ProblemError[]
  readonly headers: Readonly<Record<string, string>>

  constructor(
    code: ProblemCode,
    detail: string,
    {
      errors = [],
      headers = {},
    }: { readonly errors?: readonly ProblemError[]; readonly headers?: Readonly<Record<string, string>> } = {},
  ) {
    super(detail)
    this.code = code
    this.status = kinds[code][0]
    this.title = kinds[code][1]
    this.detail = detail
    this.errors = errors
    this.headers = headers
  }
}

/** What a schema found: zod's issues have this shape. */
interface Issue {
  readonly path: readonly PropertyKey[]
  readonly message: string
}

/** The one list of problems, one maker for each code. */
export const problems = {
  malformedJson: (detail = 'The body could not be read as JSON. Send one JSON object in UTF-8.') =>
    new Problem('malformedJson', detail),
  badRequest: (detail: string) => new Problem('badRequest', detail),
  unauthorized: (detail: string) => new Problem('unauthorized', detail, bearer()),
  tokenRevoked: () =>
    new Problem('tokenRevoked', 'This admin token has been revoked. Have another one made.', bearer()),
  tokenExpired: () => new Problem('tokenExpired', 'This admin token has expired. Have another one made.', bearer()),
  forbidden: (detail: string) => new Problem('forbidden', detail),
  /** Not redirected: what was secret in it has been seen already, and would be sent so again. */
  inClear: () =>
    new Problem(
      'inClear',
      'The request came over plain HTTP, so whoever was on its way could read it. Use the https address, and replace the token, if it had one. Where a proxy took it over TLS, its operator lists the proxy in LATCHKEY_TRUSTED_PROXIES and has it say so in X-Forwarded-Proto, or in Forwarded with LATCHKEY_PROXY_HEADERS=forwarded.',
    ),
  /** A listed proxy told of a client address that is none. */
  addressUnreadable: () =>
    new Problem(
      'addressUnreadable',
      'The proxy did not say in a form that can be read who sent the request. Have it write the address of its client into X-Forwarded-For, or set LATCHKEY_PROXY_HEADERS to what it writes.',
    ),
  addressRefused: () =>
    new Problem(
      'addressRefused',
      'This admin token is accepted from certain addresses only, and the request came from another. Send it from there, or have the allowlist of the token changed.',
    ),
  /** RFC 6750 section 3.1. */
  scopeMissing: (scope: string) =>
    new Problem(
      'scopeMissing',
      `This admin token has not the scope ${scope}. Use one that has, or have it added to this one.`,
      bearer(`, error="insufficient_scope", scope="${scope}"`),
    ),
  tenantsRefused: () =>
    new Problem(
      'tenantsRefused',
      'This concerns the whole installation, and the admin token is limited to some tenants. Use one that is not.',
    ),
  /** `powers` are those that go beyond. */
  moreThanOwn: (powers: readonly string[]) =>
    new Problem(
      'moreThanOwn',
      `The admin token of the request has less than is asked for: see ${powers.join(', ')}. Ask for no more than it has, or use one that has more.`,
      {
        errors: powers.map((name) =>
          errorOf({ path: [name], message: 'goes beyond what the token of the request has' }),
        ),
      },
    ),
  notFound: (what: string, id: string) =>
    new Problem(
      'notFound',
      `There is no ${what} ${JSON.stringify(id)}. It was never made, was deleted, or belongs to another tenant.`,
    ),
  /** What this process does not have, and another may. */
  notHere: (detail: string) => new Problem('notFound', detail),
  /** An address that no route answers; give it without its query. */
  unknownAddress: (method: string, path: string) =>
    new Problem('notFound', `Nothing answers ${method} ${path}. Check the address for a misspelling.`),
  methodNotAllowed: (method: string, path: string, allowed: readonly string[]) =>
    new Problem('methodNotAllowed', `${path} does not take ${method}. It takes ${allowed.join(', ')}.`, {
      headers: { allow: allowed.join(', ') },
    }),
  /** An empty Allow is RFC 9110's way to say that nothing would do (section 10.2.1). */
  noTunnel: () =>
    new Problem('methodNotAllowed', 'CONNECT asks for a tunnel, and none is opened here. Send the request itself.', {
      headers: { allow: '' },
    }),
  requestTimeout: () =>
    new Problem('requestTimeout', 'The request did not arrive whole in time. Send it again, at once.'),
  /** `issues` names the places in the body that contradict what is there. */
  conflict: (detail: string, issues: readonly Issue[] = []) =>
    new Problem('conflict', detail, { errors: issues.map(errorOf) }),
  /** `present`: the tag of what is there; undefined when nothing is. */
  preconditionFailed: (header: string, present: string | undefined) =>
    new Problem(
      'preconditionFailed',
      present === undefined
        ? `Nothing is there that ${header} could fit. Leave ${header} out to make it.`
        : `What is there is not as ${header} has it: its ETag is ${present} now. Read it again, and send your change with that.`,
      present === undefined ? {} : { headers: { etag: present } },
    ),
  payloadTooLarge: (limitBytes: number) =>
    new Problem('payloadTooLarge', `The body is over the limit of ${limitBytes} bytes. Send less in one request.`),
  addressTooLong: () => new Problem('addressTooLong', 'A part of the address is too long to name anything here.'),
  unsupportedMediaType: (contentType: string | undefined) =>
    new Problem(
      'unsupportedMediaType',
      `The body came ${contentType === undefined ? 'without a Content-Type' : `as ${JSON.stringify(contentType)}`}. Send it as application/json, in UTF-8.`,
    ),
  /** RFC 9110 section 15.5.16 has Accept-Encoding say what would have been taken. */
  unsupportedContentEncoding: (encoding: string) =>
    new Problem(
      'unsupportedContentEncoding',
      `The body is encoded as ${JSON.stringify(encoding)}. Send it as it is, without a Content-Encoding.`,
      { headers: { 'accept-encoding': 'identity' } },
    ),
  /** RFC 9112 section 6.1. */
  unsupportedTransferCoding: (coding: string) =>
    new Problem(
      'unsupportedTransferCoding',
      `The Transfer-Encoding is ${JSON.stringify(coding)}, and no other is taken than chunked, once. Send the body in chunks as it is, or with its length.`,
    ),
  invalid: (issues: readonly Issue[]) =>
    new Problem(
      'invalid',
      'The request was understood, but breaks the rules listed in errors. Correct those and send it again.',
      {
        errors: issues.map(errorOf),
      },
    ),
  idempotencyKeyReused: () =>
    new Problem(
      'idempotencyKeyReused',
      'This Idempotency-Key came before with a different request, or with another admin token. Use a new key, such as a UUID, for a new request and with a new token; the same only to repeat one with the same token.',
    ),
  idempotencyKeyInUse: () =>
    new Problem(
      'idempotencyKeyInUse',
      'A request with this Idempotency-Key is being worked on. Ask again in a moment.',
      {
        headers: { 'retry-after': '1' },
      },
    ),
  /** `what` came, from whom. */
  tooManyRequests: (what: string, retryAfterSeconds: number) =>
    new Problem(
      'tooManyRequests',
      `More ${what} than are taken in a short time. Send it again after ${retryAfterSeconds} s, with more in one request.`,
      { headers: { 'retry-after': String(retryAfterSeconds) } },
    ),
  /** Whatever it would have been answered. */
  tooManyRefused: (retryAfterSeconds: number) =>
    new Problem(
      'tooManyRefused',
      `Many requests came in a short time whose admin token is missing, wrong or not accepted, which were refused before it was looked at, or which need none and changed nothing, as this one. Look at what the first of them were answered, correct that, and send it again after ${retryAfterSeconds} s. Meanwhile a request is taken with the token of the data folder, or with one that was accepted here before.`,
      { headers: { 'retry-after': String(retryAfterSeconds) } },
    ),
  internal: (traceId: string) =>
    new Problem(
      'internal',
      `The server failed on its own account, not on yours. Its log has the cause under trace ${traceId}.`,
    ),
  pepperUnknown: () =>
    new Problem(
      'pepperUnknown',
      'This admin token cannot be compared here, since this service does not have the pepper that it was digested under. Repeat the request in 5 seconds. Its operator gives every service all peppers.',
      { headers: { 'retry-after': '5' } },
    ),
  unavailable: (detail: string, retryAfterSeconds: number) =>
    new Problem('unavailable', detail, { headers: { 'retry-after': String(retryAfterSeconds) } }),
}

/** RFC 9457, section 3. */
export interface ProblemDetails {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly code: ProblemCode
  readonly errors?: readonly ProblemError[]
}

export function renderProblem({ code, title, status, detail, errors }: Problem): ProblemDetails {
  return {
    type: `urn:latchkey:problem:${code}`,
    title,
    status,
    detail,
    code,
    ...(errors.length === 0 ? {} : { errors }),
  }
}

/** RFC 6750 section 3. */
function bearer(more = '') {
  return { headers: { 'www-authenticate': `Bearer realm="latchkey admin"${more}` } }
}

function errorOf({ path, message }: Issue): ProblemError {
  return { pointer: pointerOf(path), detail: message }
}

function pointerOf(path: readonly PropertyKey[]): string {
  return `#${path.map((part) => `/${encodeURIComponent(String(part).replaceAll('~', '~0').replaceAll('/', '~1'))}`).join('')}`
}
