import { errors, ScimError } from '#libs/scim/index'
import { tokenLifetime } from './access-token.ts'
import { accepted, type Answer } from './answer.ts'
import { conclude, type ConcludeParts } from './conclude.ts'
import { admitForToken, type Arrival, type Passage, take, type WayInParts } from './way-in.ts'

export interface TokenParts extends WayInParts, ConcludeParts {}

/** Bytes of a request for a token: an id, a key, and what little else there may be. */
const longestBody = 8 * 1024

/** RFC 6749 section 5.2. */
type OAuthError = 'invalid_request' | 'invalid_client' | 'unsupported_grant_type' | 'temporarily_unavailable'

/**
 * RFC 6749 section 4.4: exchanges a key, the client secret, for a token that is good for ten minutes. The client's id is that of the connection. What is
 * refused is so by the steps of the way in, and leaves a record as every request does.
 */
export async function exchange(arrival: Arrival, parts: TokenParts): Promise<Answer> {
  const client = await readClient(arrival).catch((error: unknown) => error)
  const isRead = client !== undefined && !(client instanceof Error) && isClient(client)
  const { authorization: _sent, ...headers } = arrival.headers
  const passage: Passage = {
    arrival: isRead
      ? { ...arrival, connectionId: client.id, headers: { ...headers, authorization: `Bearer ${client.secret}` } }
      : arrival,
    asksForToken: true,
    steps: [],
    recorded: false,
  }
  const answer = await conclude(
    passage,
    async () => {
      if (!isRead) throw client instanceof ScimError ? client : errors.internal()
      const key = await admitForToken(passage, parts)
      return take(passage, 'token', async () => {
        const token = await parts.tokens.issue(key.kid, arrival.receivedAt)
        const body = JSON.stringify({ access_token: token, token_type: 'Bearer', expires_in: tokenLifetime })
        return { status: 200, headers: {}, body, outcome: accepted(200, { subject: { kind: 'key', id: key.kid } }) }
      })
    },
    parts,
  )
  const shown = answer.status === 200 ? answer.body : refusal(answer)
  return { ...answer, headers: { ...answer.headers, 'Cache-Control': 'no-store' }, body: shown ?? '' }
}

interface Client {
  readonly id: string
  readonly secret: string
}

function isClient(value: unknown): value is Client {
  return typeof value === 'object' && value !== null && 'secret' in value
}

/** From the Authorization header (RFC 6749 section 2.3.1) or the body. Throws the ScimError that says what is missing. */
async function readClient(arrival: Arrival): Promise<Client> {
  const { 'content-type': type, authorization } = arrival.headers
  if (!/^application\/x-www-form-urlencoded *(;|$)/i.test(type ?? '')) {
    throw invalid('The Content-Type is not application/x-www-form-urlencoded, in which a token is asked for.')
  }
  const form = new URLSearchParams((await arrival.readBody(longestBody)).toString('utf8'))
  if (form.get('grant_type') !== 'client_credentials') {
    throw new ScimError({
      status: 400,
      code: 'unsupported-grant',
      detail: 'The grant_type is not client_credentials. No other is known here.',
    })
  }
  const [, encoded] = /^Basic +([A-Za-z0-9+/=]+)$/i.exec(authorization ?? '') ?? []
  const [id, secret] =
    encoded === undefined
      ? [form.get('client_id'), form.get('client_secret')]
      : Buffer.from(encoded, 'base64').toString('utf8').split(':', 2).map(decoded)
  if (!id || !secret) {
    throw invalid(
      'The client_id (the connection) or the client_secret (its key) is missing. Send both, in the body or by Basic authentication.',
    )
  }
  return { id, secret }
}

function invalid(detail: string): ScimError {
  return new ScimError({ status: 400, code: 'invalid-token-request', detail })
}

function decoded(text: string): string {
  return new URLSearchParams(`a=${text}`).get('a') ?? ''
}

function refusal({ status, outcome }: Answer): string {
  const error: OAuthError =
    outcome.code === 'unsupported-grant'
      ? 'unsupported_grant_type'
      : status === 401 || status === 403
        ? 'invalid_client'
        : status >= 500 || status === 429
          ? 'temporarily_unavailable'
          : 'invalid_request'
  return JSON.stringify({ error, error_description: outcome.detail ?? '' })
}
