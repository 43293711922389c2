import type { RequestDecided } from '#libs/events/index'

/** The connection that a request is addressed to: by its path or, where it asks for a token, by its client; '' where it names none. */
export function addressedConnection({ path, client }: Pick<RequestDecided, 'path' | 'client'>): string {
  return client ?? /^\/scim\/v2\/([^/]{1,64})/.exec(path)?.[1] ?? ''
}
