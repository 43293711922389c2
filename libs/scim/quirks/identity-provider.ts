import type { Dialect } from './dialect.ts'

/** What of a request can tell who speaks. */
export interface RequestTraits {
  readonly method: string
  /** Below the SCIM base URL, beginning with a slash. */
  readonly path: string
  readonly query: { has(name: string): boolean; get(name: string): string | null }
  readonly userAgent: string | undefined
  readonly body: unknown
}

/** An identity provider and the dialects it speaks. */
export interface IdentityProvider {
  /** As the connection's `identityProvider` names it. */
  readonly kind: string
  /** How it names itself in User-Agent, where that is known. */
  readonly userAgent?: RegExp
  /** Whether a request has a form that no other identity provider is known to send. */
  givesItselfAway?(request: RequestTraits): boolean
  /** The first is spoken where the request does not tell. */
  readonly dialects: readonly [Dialect, ...Dialect[]]
  dialectOf(request: RequestTraits): Dialect
}
