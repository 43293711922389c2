const scim = 'application/scim+json'
const json = 'application/json'
const accepted: ReadonlySet<string> = new Set([scim, json])

/** Whether a body of that Content-Type is taken: both names of SCIM's JSON, with any parameters. */
export function isScimMediaType(contentType: string | undefined): contentType is string {
  return contentType !== undefined && accepted.has(bare(contentType))
}

/** Whether it names another charset than the one that JSON has whatever is said of it (RFC 8259 sections 8.1 and 11, RFC 7644 section 3.8). */
export function namesAnotherCharset(contentType: string): boolean {
  const [, charset] = /;\s*charset\s*=\s*"?([^\s;"]*)/i.exec(contentType) ?? []
  return charset !== undefined && !/^utf-?8$/i.test(charset)
}

/**
 * The Content-Type of an answer (RFC 9110 section 12.5.1): of the two names the one that `Accept` gives the higher quality, of equal
 * qualities the one that it names more closely (application/json before a wildcard), else `application/scim+json`, or `application/json` for a
 * caller whose dialect has it so. So it is too when neither is acceptable: the header is then disregarded, as that section allows, since an
 * error could not be written in another form either.
 */
export function responseMediaType(accept: string | undefined, plainJson = false): typeof scim | typeof json {
  const usual = plainJson ? json : scim
  if (accept === undefined) return usual
  const ranges = accept.split(',').map(readRange)
  const [wantsScim, wantsJson] = [wanted(scim, ranges), wanted(json, ranges)]
  const order = wantsJson.quality - wantsScim.quality || wantsJson.closeness - wantsScim.closeness
  if (order === 0 || Math.max(wantsJson.quality, wantsScim.quality) === 0) return usual
  return order > 0 ? json : scim
}

interface Range {
  readonly type: string
  readonly quality: number
}

function readRange(text: string): Range {
  const [, quality = '1'] = /;\s*q\s*=\s*([\d.]+)/i.exec(text) ?? []
  return { type: bare(text), quality: Math.min(1, Number(quality) || 0) }
}

/** The closest range that covers the type decides; 0 when none does. */
function wanted(type: string, ranges: readonly Range[]): { quality: number; closeness: number } {
  for (const [index, covering] of [type, 'application/*', '*/*'].entries()) {
    const range = ranges.find((one) => one.type === covering)
    if (range !== undefined) return { quality: range.quality, closeness: 3 - index }
  }
  return { quality: 0, closeness: 0 }
}

function bare(range: string): string {
  return (range.split(';')[0] ?? '').trim().toLowerCase()
}
