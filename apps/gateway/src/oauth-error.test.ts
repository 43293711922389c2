import { oauthErrorOf, renderOAuthError } from './oauth-error.ts'

test.each([
  [400, 'unsupported-grant', 'unsupported_grant_type'],
  [400, 'invalid-token-request', 'invalid_request'],
  [401, 'key-unknown', 'invalid_client'],
  [403, 'key-of-another-connection', 'invalid_client'],
  [403, 'key-takes-no-token', 'unauthorized_client'],
  [403, 'key-address-not-allowed', 'unauthorized_client'],
  [403, 'connection-disabled', 'unauthorized_client'],
  [403, 'plain-http', 'invalid_request'],
  [413, 'payload-too-large', 'invalid_request'],
  [501, 'unsupported-transfer-coding', 'invalid_request'],
  [429, 'too-many-bad-keys', 'temporarily_unavailable'],
  [503, 'pepper-unknown', 'temporarily_unavailable'],
  [500, 'internal', 'server_error'],
] as const)('%i %s is the OAuth error %s', (status, code, error) => {
  expect(oauthErrorOf({ status, code })).toBe(error)
})

test('what is told to people holds nothing that RFC 6749 section 5.2 does not allow there', () => {
  const { error_description: told } = JSON.parse(renderOAuthError('invalid_request', 'a "b" \\c \u00e9\n'))
  expect(told).toBe("a 'b' ?c ??")
})
