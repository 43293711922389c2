const accepted: ReadonlySet<string> = new Set(['application/scim+json', 'application/json'])

/**
 * Whether a body of that Content-Type is taken: both names of SCIM's JSON, with any parameters but a `charset` that is not
 * UTF-8 (RFC 7644 section 3.8).
 */
export function isScimMediaType(contentType: string | undefined): boolean {
  if (contentType === undefined || !accepted.has(bare(contentType))) return false
  const [, charset] = /;\s*charset\s*=\s*"?([^\s;"]*)/i.exec(contentType) ?? []
  return charset === undefined || /^utf-?8$/i.test(charset)
}

/** The Content-Type of an answer: `application/scim+json` unless `Accept` names `application/json` and not the other. */
export function responseMediaType(accept: string | undefined): 'application/scim+json' | 'application/json' {
  const wanted = (accept ?? '')
    .split(',')
    .filter((range) => !/;\s*q=0(\.0*)?\s*(;|$)/i.test(range))
    .map(bare)
  const plain = wanted.includes('application/json') && !wanted.includes('application/scim+json')
  return plain ? 'application/json' : 'application/scim+json'
}

function bare(range: string): string {
  return (range.split(';')[0] ?? '').trim().toLowerCase()
}
