import type { Message } from './message.ts'

export const algorithms = ['hmac-sha256', 'ed25519'] as const
/** Names of RFC 9421 section 6.2.2. */
export type SignatureAlgorithm = (typeof algorithms)[number]

/** What a signature must have to be taken: one of exactly one label, for one request, for a short while. */
export const profile = {
  /** Covered by every signature. */
  components: ['@method', '@authority', '@path', '@query'],
  /** Covered too by that of a request with a body. */
  bodyComponents: ['content-type', 'content-digest'],
  /** Covered too by that of a request that has it: it decides whether anything is changed, so nobody on the way may add it. */
  fields: ['latchkey-dry-run'],
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

/** What the signature of a request with these header fields must cover, which has a body or none. */
export function componentsFor(headers: Message['headers'], hasBody: boolean): readonly string[] {
  const fields = profile.fields.filter((name) => headers[name] !== undefined)
  return [...profile.components, ...(hasBody ? profile.bodyComponents : []), ...fields]
}

/** RFC 9421 section 5.1: what is asked for, told in the answer to a request without it. */
export function acceptSignature(headers: Message['headers'], hasBody: boolean): string {
  const components = componentsFor(headers, hasBody)
  return `latchkey=(${components.map((name) => `"${name}"`).join(' ')});created;expires;tag="${profile.tag}"`
}
