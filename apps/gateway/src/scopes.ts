import type { KeyPolicy, KeyScope } from '#libs/events/index'
import { type Endpoint, writes } from './endpoints.ts'
import { refusals } from './refusals.ts'

/** What a key must be allowed to be used there. Of a bulk request each operation asks for its own besides. */
export function scopesFor(endpoint: Endpoint): readonly KeyScope[] {
  if (endpoint.noun === 'discovery') return []
  const act: KeyScope = writes(endpoint) ? 'write' : 'read'
  if (endpoint.noun === 'bulk') return [act]
  return endpoint.noun === 'resources' ? [act, 'users', 'groups'] : [act, endpoint.noun]
}

/** Throws `key-scope-missing`. */
export function checkScopes({ scopes }: KeyPolicy, endpoint: Endpoint): void {
  const missing = scopesFor(endpoint).filter((scope) => !scopes.includes(scope))
  if (missing.length === 0) return
  const words = (names: readonly string[]): string => (names.length === 0 ? 'none' : names.join(', '))
  throw refusals.outOfScope(
    'key-scope-missing',
    `This takes a key with the scopes ${words(scopesFor(endpoint))}, and this one has ${words(scopes)}. Use another key, or let its operator add ${words(missing)} to its policy.`,
  )
}
