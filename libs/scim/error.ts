/** The words of RFC 7644 section 3.12, table 9, and of RFC 9865 section 2.1. */
export type ScimType =
  | 'invalidFilter'
  | 'tooMany'
  | 'uniqueness'
  | 'mutability'
  | 'invalidSyntax'
  | 'invalidPath'
  | 'noTarget'
  | 'invalidValue'
  | 'sensitive'
  | 'invalidCursor'
  | 'expiredCursor'
  | 'invalidCount'

/** An answer that refuses a SCIM request. `detail` is for a person: the cause and the fix, never the value of a personal attribute. */
export class ScimError extends Error {
  override readonly name = 'ScimError'
  readonly status: number
  /** Stable, of our own: what software and people can look up. */
  readonly code: string
  readonly detail: string
  readonly scimType?: ScimType
  /** Response headers that the status asks for. */
  readonly headers: Readonly<Record<string, string>>

  constructor(answer: {
    status: number
    code: string
    detail: string
    scimType?: ScimType
    headers?: Record<string, string>
  }) {
    // An answer, and no fault: nobody asks where it was made, and finding that out costs more than all else about it.
    const { stackTraceLimit } = Error
    Error.stackTraceLimit = 0
    super(answer.detail)
    Error.stackTraceLimit = stackTraceLimit
    this.status = answer.status
    this.code = answer.code
    this.detail = answer.detail
    this.headers = answer.headers ?? {}
    if (answer.scimType !== undefined) this.scimType = answer.scimType
  }

  /** The same, told by another protocol that has other words for it. */
  answeredAs(status: number, headers: Record<string, string> = {}): ScimError {
    return new ScimError({ status, code: this.code, detail: this.detail, headers })
  }
}

/** Codes of the protocol itself, each of one of `errors`. */
export const errorCodes = [
  'invalid-filter',
  'invalid-path',
  'invalid-syntax',
  'invalid-value',
  'mutability',
  'no-target',
  'too-many',
  'invalid-count',
  'invalid-cursor',
  'moved-cursor',
  'expired-cursor',
  'uniqueness',
  'ambiguous',
  'not-found',
  'unknown-endpoint',
  'method-not-allowed',
  'body-incomplete',
  'precondition-failed',
  'payload-too-large',
  'too-many-operations',
  'broken-reference',
  'broken-circle',
  'unsupported-media-type',
  'unsupported-content-encoding',
  'unsupported-transfer-coding',
  'too-many-requests',
  'unreadable-request',
  'internal',
  'not-implemented',
  'unavailable',
] as const

const answer = (told: { code: (typeof errorCodes)[number] } & ConstructorParameters<typeof ScimError>[0]): ScimError =>
  new ScimError(told)

const badRequest = (scimType: ScimType, code: (typeof errorCodes)[number]) => (detail: string) =>
  answer({ status: 400, scimType, code, detail })

const bearer = 'Bearer realm="scim"'

/** Every error the protocol can answer with. */
export const errors = {
  invalidFilter: badRequest('invalidFilter', 'invalid-filter'),
  invalidPath: badRequest('invalidPath', 'invalid-path'),
  invalidSyntax: badRequest('invalidSyntax', 'invalid-syntax'),
  invalidValue: badRequest('invalidValue', 'invalid-value'),
  mutability: badRequest('mutability', 'mutability'),
  noTarget: badRequest('noTarget', 'no-target'),
  tooMany: badRequest('tooMany', 'too-many'),
  invalidCount: badRequest('invalidCount', 'invalid-count'),

  /** The same for whatever is wrong with it: forged, of another query, or of another connection. */
  invalidCursor: () =>
    answer({
      status: 400,
      scimType: 'invalidCursor',
      code: 'invalid-cursor',
      detail:
        'The cursor is not one that this query was given. Repeat the query with all its parameters and the nextCursor of its last page, or with an empty cursor to begin anew.',
    }),

  /** The value of sortBy at which a page ended was too long for the cursor, and is no longer there to be read. */
  movedCursor: () =>
    answer({
      status: 400,
      scimType: 'invalidCursor',
      code: 'moved-cursor',
      detail:
        'The resource at which the last page ended was deleted or has another value of sortBy by now, and the value was too long for a cursor. Repeat the query with an empty cursor to begin anew, or sort by another attribute.',
    }),

  expiredCursor: (lifetimeSeconds: number) =>
    answer({
      status: 400,
      scimType: 'expiredCursor',
      code: 'expired-cursor',
      detail: `The cursor is older than ${lifetimeSeconds} s. Repeat the query with an empty cursor to begin anew, and ask for each next page sooner.`,
    }),

  uniqueness: (detail: string) => answer({ status: 409, scimType: 'uniqueness', code: 'uniqueness', detail }),

  /** Several users might be the one that is to be created, where the connection adopts users that are there. */
  ambiguous: (attribute: string) =>
    answer({
      status: 409,
      scimType: 'uniqueness',
      code: 'ambiguous',
      detail: `Several users of this connection have the same ${attribute} as the one to be created, so that it is not known which of them it is. List them with a filter on ${attribute}, change or delete all but one, and send the request again.`,
    }),

  /** An id that is none of this service may be a person's name. */
  notFound: (resourceTypeName: string, id: string) =>
    answer({
      status: 404,
      code: 'not-found',
      detail: `There is no ${resourceTypeName} with ${ownId.test(id) ? `the id "${id}"` : 'this id'}: it was deleted, or belongs to another connection. List the ${resourceTypeName}s to find the right id.`,
    }),

  /** Of the path the first name is shown: what follows it may be a person's. */
  unknownEndpoint: (path?: string) =>
    answer({
      status: 404,
      code: 'unknown-endpoint',
      detail: `Nothing is served at ${outline(path)}. Use /Users, /Groups, /Bulk, /ServiceProviderConfig, /ResourceTypes or /Schemas below the SCIM base URL.`,
    }),

  methodNotAllowed: (allow: readonly string[]) =>
    answer({
      status: 405,
      code: 'method-not-allowed',
      detail: `This address does not take that method. Use ${allow.join(' or ')}.`,
      headers: { Allow: allow.join(', ') },
    }),

  incompleteBody: () =>
    answer({
      status: 408,
      code: 'body-incomplete',
      detail:
        'The body did not arrive whole. Check the connection between the identity provider and this service, and send the request again.',
    }),

  /** HTTP itself cannot read it, or its body: status and detail are what it says of that. */
  unreadable: (status: number, detail: string) => answer({ status, code: 'unreadable-request', detail }),

  preconditionFailed: (header: 'If-Match' | 'If-None-Match') =>
    answer({
      status: 412,
      code: 'precondition-failed',
      detail:
        header === 'If-Match'
          ? 'The resource changed since the version named in If-Match. Read it again and repeat the request with its new version.'
          : 'The resource is there, in a version that If-None-Match excludes. Leave the header out to change it all the same.',
    }),

  payloadTooLarge: (limitBytes: number) =>
    answer({
      status: 413,
      code: 'payload-too-large',
      detail: `The body is larger than ${limitBytes} bytes. Send it in smaller parts.`,
    }),

  /** `limit` is what is advertised as maxOperations, RFC 7644 section 3.7.4. */
  tooManyOperations: (limit: number) =>
    answer({
      status: 413,
      code: 'too-many-operations',
      detail: `The bulk request has more operations than maxOperations (${limit}). Split it into several requests.`,
    }),

  /** An operation of a bulk request refers to a resource that another, at this JSON pointer, was to make and did not. */
  brokenReference: (pointer: string) =>
    answer({
      status: 409,
      code: 'broken-reference',
      detail: `This operation refers to the bulkId of the one at ${pointer}, which created nothing. See why in the result of that, and send both again.`,
    }),

  /** Operations of a bulk request that refer to each other in a circle, of which others, at these JSON pointers, were refused. */
  brokenCircle: (refused: readonly string[]) =>
    answer({
      status: 409,
      code: 'broken-circle',
      detail: `This operation and others refer to each other, so all of them are done or none, and ${refused.length === 0 ? 'another' : `what is at ${refused.join(' and ')}`} could not be done. See why in the results, and send all of them again.`,
    }),

  unsupportedMediaType: (received: string | undefined) =>
    answer({
      status: 415,
      code: 'unsupported-media-type',
      detail: `The Content-Type is ${received ? clip(received) : 'missing'}. Send application/scim+json or application/json, in UTF-8.`,
    }),

  /** RFC 9110 section 15.5.16 has Accept-Encoding say what would have been taken. */
  unsupportedContentEncoding: (received: string) =>
    answer({
      status: 415,
      code: 'unsupported-content-encoding',
      detail: `The body is encoded as ${clip(received)}. Send it as it is, without a Content-Encoding.`,
      headers: { 'Accept-Encoding': 'identity' },
    }),

  /** RFC 9112 section 6.1. */
  unsupportedTransferCoding: (received: string) =>
    answer({
      status: 501,
      code: 'unsupported-transfer-coding',
      detail: `The Transfer-Encoding is ${clip(received)}, and no other is taken than chunked, once. Send the body in chunks as it is, or with its length.`,
    }),

  tooManyRequests: (retryAfterSeconds: number) =>
    answer({
      status: 429,
      code: 'too-many-requests',
      detail: `Too many requests came in a short time. Repeat this one after ${retryAfterSeconds} s.`,
      headers: { 'Retry-After': String(retryAfterSeconds) },
    }),

  internal: () =>
    answer({
      status: 500,
      code: 'internal',
      detail: 'The request could not be completed because of a fault in this service. Repeat it later.',
    }),

  notImplemented: (detail: string) => answer({ status: 501, code: 'not-implemented', detail }),

  unavailable: (retryAfterSeconds: number) =>
    answer({
      status: 503,
      code: 'unavailable',
      detail: `The database of this service cannot be reached or is too slow at the moment. Repeat the request after ${retryAfterSeconds} s.`,
      headers: { 'Retry-After': String(retryAfterSeconds) },
    }),
}

/** How a server answers for reasons of its own. Their codes are for the server to list. */
export const errorKinds = {
  badRequest: (code: string, detail: string) => new ScimError({ status: 400, code, detail }),

  /** Nothing was presented. */
  unauthenticated: (code: string, detail: string) =>
    new ScimError({ status: 401, code, detail, headers: { 'WWW-Authenticate': bearer } }),

  /** What was presented is not accepted, or not with what came beside it (RFC 6750 section 3.1, RFC 8705 section 3). */
  unauthorized: (code: string, detail: string) =>
    new ScimError({
      status: 401,
      code,
      detail,
      headers: { 'WWW-Authenticate': `${bearer}, error="invalid_token"` },
    }),

  /** `accept` says what is asked for beside the key, as RFC 9421 section 5.1 writes it. */
  unsigned: (code: string, detail: string, accept: string) =>
    new ScimError({
      status: 401,
      code,
      detail,
      headers: { 'WWW-Authenticate': bearer, 'Accept-Signature': accept },
    }),

  forbidden: (code: string, detail: string) => new ScimError({ status: 403, code, detail }),

  /** RFC 6750 section 3.1. */
  outOfScope: (code: string, detail: string) =>
    new ScimError({
      status: 403,
      code,
      detail,
      headers: { 'WWW-Authenticate': `${bearer}, error="insufficient_scope"` },
    }),

  /** `code` names what there is too much of, or what waits for a person. */
  limited: (code: string, detail: string, retryAfterSeconds: number) =>
    new ScimError({ status: 429, code, detail, headers: { 'Retry-After': String(retryAfterSeconds) } }),

  /** `detail` tells what the service does not know for now, and who can find out why. */
  undecided: (code: string, detail: string, retryAfterSeconds: number) =>
    new ScimError({ status: 503, code, detail, headers: { 'Retry-After': String(retryAfterSeconds) } }),
}

const ownId = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i

/** The first name of a path, and what is below it as `?`; of a path that begins with no name, nothing is shown. */
function outline(path = ''): string {
  const [, first = '', ...more] = path.split('/')
  if (!/^[A-Za-z][\w.-]{0,39}$/.test(first)) return 'this address'
  return clip(['', first, ...more.map(() => '?')].join('/'))
}

export const errorSchema = 'urn:ietf:params:scim:api:messages:2.0:Error'

export interface ErrorDocument {
  schemas: [typeof errorSchema]
  scimType?: ScimType
  detail: string
  status: string
}

/** The body of RFC 7644 section 3.12; `status` is a string there. */
export function renderError(error: ScimError): ErrorDocument {
  return {
    schemas: [errorSchema],
    ...(error.scimType === undefined ? {} : { scimType: error.scimType }),
    detail: error.detail,
    status: String(error.status),
  }
}

/** A word of the client's own that may be shown back to it: short, and without control characters. */
export function clip(text: string): string {
  const shown = text.length > 80 ? `${text.slice(0, 80)}...` : text
  return `"${shown.toWellFormed().replace(/[\p{Cc}"\\]/gu, '?')}"`
}
