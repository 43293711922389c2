/** RFC 6749 section 5.2, and the two of section 4.1.2.1 for what is no fault of the client. */
export type OAuthError =
  | 'invalid_request'
  | 'invalid_client'
  | 'unauthorized_client'
  | 'unsupported_grant_type'
  | 'temporarily_unavailable'
  | 'server_error'

/** The key is good, but not for a token, not from there, or not now. */
const unauthorized: ReadonlySet<string> = new Set([
  'key-takes-no-token',
  'key-address-not-allowed',
  'connection-disabled',
])

/** Which of those a refusal of the way in is. */
export function oauthErrorOf({ status, code }: { readonly status: number; readonly code: string | null }): OAuthError {
  if (code === 'unsupported-grant') return 'unsupported_grant_type'
  if (code !== null && unauthorized.has(code)) return 'unauthorized_client'
  if (status === 401 || code === 'key-of-another-connection') return 'invalid_client'
  // What HTTP has no such coding for, is for the client to change.
  if (status === 501) return 'invalid_request'
  if (status === 429 || status === 503) return 'temporarily_unavailable'
  return status >= 500 ? 'server_error' : 'invalid_request'
}

/** RFC 6749 section 5.2, which allows neither quotation marks nor backslashes in what is told to people. */
export function renderOAuthError(error: OAuthError, detail: string): string {
  const description = detail.replaceAll('"', "'").replaceAll(/[^\x20-\x5b\x5d-\x7e]/g, '?')
  return JSON.stringify({ error, error_description: description })
}
