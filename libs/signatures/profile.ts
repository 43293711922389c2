export const algorithms = ['hmac-sha256', 'ed25519'] as const
/** Names of RFC 9421 section 6.2.2. */
export type SignatureAlgorithm = (typeof algorithms)[number]

/** What a signature must have to be taken: one of exactly one label, for one request, for a short while. */
export const profile = {
  /** Covered by every signature. */
  components: ['@method', '@authority', '@path', '@query'],
  /** Covered too by that of a request with a body. */
  bodyComponents: ['content-type', 'content-digest'],
  /** All of them, and no others. */
  parameters: ['created', 'expires', 'keyid', 'nonce', 'alg', 'tag'],
  /** Tells signatures for us from those that others along the way may add. */
  tag: 'latchkey',
  /** Seconds that `created` may be from now, either way. */
  longestSkew: 300,
  /** Seconds from `created` to `expires`. */
  longestLife: 600,
  /** Characters. */
  shortestNonce: 16,
  longestNonce: 128,
} as const

/** RFC 9421 section 5.1: what is asked for, told in the answer to a request without it, which had a body or none. */
export function acceptSignature(hasBody: boolean): string {
  const components = hasBody ? [...profile.components, ...profile.bodyComponents] : profile.components
  return `latchkey=(${components.map((name) => `"${name}"`).join(' ')});created;expires;tag="${profile.tag}"`
}
