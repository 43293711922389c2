import { ScimError } from '#libs/scim/index'
import { accepted, type Answer } from './answer.ts'
import { basicClient, type ClientCredentials, readCredentials } from './client-credentials.ts'
import { conclude, type ConcludeParts } from './conclude.ts'
import { oauthErrorOf, renderOAuthError } from './oauth-error.ts'
import { admitForToken, type Arrival, type Passage, take, type WayInParts } from './way-in.ts'

export interface TokenParts extends WayInParts, ConcludeParts {}

/** RFC 6749 section 5.1, of every answer. */
const unstored = { 'Cache-Control': 'no-store', Pragma: 'no-cache' }

/**
 * RFC 6749 section 4.4: exchanges a key, the client secret, for a token that is good for ten minutes. The client's id is that of the connection. What is
 * refused is so by the steps of the way in, and leaves a record as every request does.
 */
export async function exchange(arrival: Arrival, parts: TokenParts): Promise<Answer> {
  let read: Promise<Arrival> | undefined
  const passage: Passage = {
    arrival: presenting(arrival, basicClient(arrival)),
    asksForToken: {
      client: () => (read ??= readCredentials(arrival).then((client) => presenting(arrival, client))),
    },
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
function presenting(arrival: Arrival, client: ClientCredentials | undefined): Arrival {
  const { authorization: _sent, ...headers } = arrival.headers
  if (client === undefined) return { ...arrival, headers }
  return { ...arrival, connectionId: client.id, headers: { ...headers, authorization: `Bearer ${client.secret}` } }
}

/** Who could not prove to be a client hears 401 and how to, who may not have a token 400; what HTTP itself is refused for keeps its status. */
function asOAuth(error: ScimError): ScimError {
  const kind = oauthErrorOf(error)
  if (kind === 'invalid_client') return error.answeredAs(401, { 'WWW-Authenticate': 'Basic realm="oauth2"' })
  return kind === 'unauthorized_client' ? error.answeredAs(400) : error
}

function refusal({ status, outcome: { code, detail } }: Answer): string {
  return renderOAuthError(oauthErrorOf({ status, code }), detail ?? '')
}
