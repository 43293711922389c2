import type { KeyFault } from './key.ts'

export interface Advice {
  readonly cause: string
  readonly fix: string
}

/** What a person is told about a key that cannot be read; none of it repeats what was presented. */
export const faultAdvice: { readonly [Fault in KeyFault]: Advice } = {
  missing: {
    cause: 'The request has no Authorization header.',
    fix: 'Send "Authorization: Bearer <key>" with the provisioning key of this connection.',
  },
  empty: {
    cause: 'The Authorization header holds no key.',
    fix: 'Paste the whole provisioning key into the token field of the identity provider.',
  },
  'other-scheme': {
    cause: 'The Authorization header uses another scheme than Bearer.',
    fix: 'Set the authentication of the SCIM application to "HTTP header" or "bearer token" and paste the provisioning key there.',
  },
  'doubled-bearer': {
    cause: 'The word "Bearer" stands twice in the Authorization header.',
    fix: 'The identity provider adds "Bearer" by itself: paste the key alone, beginning with lk_.',
  },
  'tab-after-bearer': {
    cause: 'A tab stands between the word "Bearer" and the key.',
    fix: 'Send "Bearer", one space and the key: only spaces may stand there (RFC 9110 section 11.4).',
  },
  quotes: {
    cause: 'The key is enclosed in or contains quotation marks.',
    fix: 'Paste the key without quotation marks; text editors may turn plain ones into typographic ones.',
  },
  whitespace: {
    cause: 'The key contains a space, a line break or an invisible character.',
    fix: 'Copy the key again as one word, without anything before, within or after it.',
  },
  'not-a-key': {
    cause: 'What was presented is not a Latchkey provisioning key.',
    fix: 'Use the key that was shown when it was minted; it begins with lk_live_ or lk_test_.',
  },
  'admin-token': {
    cause: 'An admin token was sent where a provisioning key belongs.',
    fix: 'Paste the key of this connection, which begins with lk_live_ or lk_test_. Who saw the token may use it: revoke it and make another.',
  },
  'unknown-environment': {
    cause: 'The key names neither the live nor the sandbox environment.',
    fix: 'Use the key exactly as it was minted; it begins with lk_live_ or lk_test_.',
  },
  truncated: {
    cause: 'The key is too short: a part of it was not copied.',
    fix: 'Copy the whole key, 71 characters from lk_ to the end. If it is lost, mint another and revoke this one.',
  },
  'too-long': {
    cause: 'The key is too long: something was pasted behind it, or it was pasted twice.',
    fix: 'Clear the field and paste the key once, 71 characters from lk_ to the end.',
  },
  'bad-alphabet': {
    cause: 'The key contains a character that no key has.',
    fix: 'Copy the key again as text; a key has only letters, digits and underscores, and is never masked.',
  },
  'bad-checksum': {
    cause: 'At least one character of the key was changed.',
    fix: 'Copy the key again rather than typing it. Upper and lower case matter.',
  },
}
