import type { ScimError } from '#libs/scim/index'
import { refusals } from './refusals.ts'
import type { Arrival } from './way-in.ts'

/** Who asks for a token: the connection, and its key. Neither is believed yet. */
export interface ClientCredentials {
  readonly id: string
  readonly secret: string
}

/** Bytes of a request for a token: an id, a key, and what little else there may be. */
const longestBody = 8 * 1024

/**
 * From the Authorization header or the body (RFC 6749 section 2.3.1), one of both. The query is not looked at: addresses are logged on the way.
 * @throws ScimError for what is no request for a token by client credentials (section 4.4)
 */
export async function readCredentials(arrival: Arrival): Promise<ClientCredentials> {
  const { 'content-type': type, authorization } = arrival.headers
  if (!/^application\/x-www-form-urlencoded *(;|$)/i.test(type ?? '')) {
    throw invalid('The Content-Type is not application/x-www-form-urlencoded, in which a token is asked for.')
  }
  const form = readForm((await arrival.readBody(longestBody)).toString('utf8'))
  const grant = form.get('grant_type')
  if (grant === undefined) throw invalid('The grant_type is missing. Send grant_type=client_credentials.')
  if (grant !== 'client_credentials') {
    throw refusals.badRequest('unsupported-grant', 'The grant_type is not client_credentials. No other is known here.')
  }
  const inBody = { id: form.get('client_id'), secret: form.get('client_secret') }
  if (authorization === undefined) return complete(inBody)
  const basic = complete(readBasic(authorization))
  // RFC 6749 section 2.3: a client uses one way in each request. Which of two counts would not be known.
  if (inBody.secret !== undefined || (inBody.id ?? basic.id) !== basic.id) {
    throw invalid(
      'The request names its client both in the Authorization header and in the body. Use Basic authentication, or client_id and client_secret in the body.',
    )
  }
  return basic
}

/** Whom the Authorization header alone names, before the body is read; undefined where that is nobody. */
export function basicClient({ headers: { authorization } }: Arrival): ClientCredentials | undefined {
  const { id, secret } = (authorization === undefined ? undefined : basicIn(authorization)) ?? {}
  return id && secret ? { id, secret } : undefined
}

/** RFC 6749 section 3.2: what has no value counts as left out, and nothing may be there twice. */
function readForm(text: string): ReadonlyMap<string, string> {
  const sent = [...new URLSearchParams(text)].filter(([, value]) => value !== '')
  const form = new Map(sent)
  if (form.size < sent.length) throw invalid('A parameter is there twice, and which of them counts is not known.')
  return form
}

function readBasic(authorization: string): Partial<ClientCredentials> {
  const basic = basicIn(authorization)
  if (basic !== undefined) return basic
  throw refusals.unauthorized(
    'client-other-scheme',
    'The Authorization header of a request for a token holds no Basic credentials (RFC 7617). Send client_id and client_secret in it, or in the body.',
  )
}

function basicIn(authorization: string): Partial<ClientCredentials> | undefined {
  const [, encoded] = /^Basic +([A-Za-z0-9+/]+={0,2})$/i.exec(authorization) ?? []
  if (encoded === undefined) return undefined
  const [, id, secret] = /^([^:]*):(.*)$/s.exec(Buffer.from(encoded, 'base64').toString('utf8')) ?? []
  return { id: decoded(id), secret: decoded(secret) }
}

/** RFC 6749 section 2.3.1 has both form-urlencoded before they are joined. */
function decoded(text: string | undefined): string {
  return new URLSearchParams(`a=${(text ?? '').replaceAll('&', '%26')}`).get('a') ?? ''
}

function complete({ id, secret }: { [Part in keyof ClientCredentials]?: string | undefined }): ClientCredentials {
  if (id && secret) return { id, secret }
  throw refusals.unauthorized(
    'client-missing',
    'The client_id (the connection) or the client_secret (its key) is missing. Send both, in the body or by Basic authentication.',
  )
}

function invalid(detail: string): ScimError {
  return refusals.badRequest('invalid-token-request', detail)
}
