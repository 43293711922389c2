import { errors, ScimError } from '#libs/scim/index'
import { accepted, type Answer } from './answer.ts'
import { type ClientCredentials, readClient } from './client-credentials.ts'
import { conclude, type ConcludeParts } from './conclude.ts'
import { admitForToken, type Arrival, type Passage, take, type WayInParts } from './way-in.ts'

export interface TokenParts extends WayInParts, ConcludeParts {
  readonly rates: WayInParts['rates']
}

/** RFC 6749 section 5.2, and the two of section 4.1.2.1 for what is no fault of the client. */
type OAuthError =
  | 'invalid_request'
  | 'invalid_client'
  | 'unauthorized_client'
  | 'unsupported_grant_type'
  | 'temporarily_unavailable'
  | 'server_error'

/** RFC 6749 section 5.1, of every answer. */
const unstored = { 'Cache-Control': 'no-store', Pragma: 'no-cache' }

/**
 * RFC 6749 section 4.4: exchanges a key, the client secret, for a token that is good for ten minutes. The client's id is that of the connection. What is
 * refused is so by the steps of the way in, and leaves a record as every request does.
 */
export async function exchange(arrival: Arrival, parts: TokenParts): Promise<Answer> {
  const client = await readClient(arrival).catch((error: unknown) => faultOf(error, arrival, parts))
  const passage: Passage = {
    arrival: client instanceof ScimError ? presenting(arrival) : presenting(arrival, client),
    asksForToken: { fault: client instanceof ScimError ? client : undefined },
    steps: [],
    recorded: false,
  }
  const answer = await conclude(
    passage,
    async () => {
      try {
        return await issue(passage, parts)
      } catch (error) {
        throw error instanceof ScimError ? asOAuth(error) : error
      }
    },
    parts,
  )
  const body = answer.status === 200 ? answer.body : refusal(answer)
  return { ...answer, headers: { ...answer.headers, ...unstored }, body: body ?? '' }
}

async function issue(passage: Passage, parts: TokenParts): Promise<Answer> {
  const key = await admitForToken(passage, parts)
  return take(passage, 'token', async () => {
    const { text, expiresIn } = await parts.tokens.issue(key, passage.arrival.receivedAt)
    const body = JSON.stringify({
      access_token: text,
      token_type: 'Bearer',
      expires_in: expiresIn,
      scope: key.policy.scopes.join(' '),
    })
    return { status: 200, headers: {}, body, outcome: accepted(200, { subject: { kind: 'key', id: key.kid } }) }
  })
}

/** The arrival as of a request that presents the client's secret to the connection that is its id, or nothing. */
function presenting(arrival: Arrival, client?: ClientCredentials): Arrival {
  const { authorization: _sent, ...headers } = arrival.headers
  if (client === undefined) return { ...arrival, headers }
  return { ...arrival, connectionId: client.id, headers: { ...headers, authorization: `Bearer ${client.secret}` } }
}

function faultOf(error: unknown, { traceId }: Arrival, parts: TokenParts): ScimError {
  if (error instanceof ScimError) return error
  parts.failed(error, traceId)
  return errors.internal()
}

/** The key is good, but not for a token, not from there, or not now. */
const unauthorized: ReadonlySet<string> = new Set([
  'key-takes-no-token',
  'key-address-not-allowed',
  'connection-disabled',
])

/** Who could not prove to be a client hears 401 and how to, who may not have a token 400; what HTTP itself is refused for keeps its status. */
function asOAuth(error: ScimError): ScimError {
  const { code, detail } = error
  const kind = kindOf(error)
  if (kind === 'invalid_client')
    return new ScimError({ status: 401, code, detail, headers: { 'WWW-Authenticate': 'Basic realm="oauth2"' } })
  return kind === 'unauthorized_client' ? new ScimError({ status: 400, code, detail }) : error
}

function kindOf({ status, code }: { readonly status: number; readonly code: string | null }): OAuthError {
  if (code === 'unsupported-grant') return 'unsupported_grant_type'
  if (code !== null && unauthorized.has(code)) return 'unauthorized_client'
  if (status === 401 || code === 'key-of-another-connection') return 'invalid_client'
  if (status === 429 || status === 503) return 'temporarily_unavailable'
  return status >= 500 ? 'server_error' : 'invalid_request'
}

function refusal({ status, outcome: { code, detail } }: Answer): string {
  // Section 5.2 allows neither quotation marks nor backslashes there.
  const description = (detail ?? '').replaceAll('"', "'").replaceAll(/[^\x20-\x5b\x5d-\x7e]/g, '?')
  return JSON.stringify({ error: kindOf({ status, code }), error_description: description })
}
