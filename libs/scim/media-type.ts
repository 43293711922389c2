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

/**
 * The Content-Type of an answer, of the two that `Accept` names. When it names both or none it is `application/scim+json`, or
 * `application/json` for a caller whose dialect has it so.
 */
export function responseMediaType(
  accept: string | undefined,
  plainJson = false,
): 'application/scim+json' | 'application/json' {
  const wanted = (accept ?? '')
    .split(',')
    .filter((range) => !/;\s*q=0(\.0*)?\s*(;|$)/i.test(range))
    .map(bare)
  const [plain, own] = [wanted.includes('application/json'), wanted.includes('application/scim+json')]
  return (plain === own ? plainJson : plain) ? 'application/json' : 'application/scim+json'
}

function bare(range: string): string {
  return (range.split(';')[0] ?? '').trim().toLowerCase()
}
