import {
  contradiction,
  deviations,
  Diagnosis,
  dialectOf,
  errors,
  isScimMediaType,
  namesAnotherCharset,
  parseJson,
} from '#libs/scim/index'
import { findEndpoint, writes } from '../endpoints.ts'
import { announcesBody, readBody } from '../read-body.ts'
import { asksForDryRun } from '../rehearsal.ts'
import type { Passage, WayInParts } from '../way-in.ts'

/** What the request asks for: the endpoint, whether it is only to be rehearsed, and the body as JSON. */
export async function payload(passage: Passage, parts: WayInParts): Promise<void> {
  diagnose(passage)
  const endpoint = findEndpoint(passage.arrival.method, passage.arrival.path)
  passage.endpoint = endpoint
  const asked = asksForDryRun(passage.arrival) || passage.connection?.settings.mode === 'dry-run'
  passage.isRehearsal = asked && writes(endpoint)
  if (endpoint.takesBody) await parseBody(passage, parts)
  // Nothing is done for a request that does not arrive whole.
  else if (announcesBody(passage.arrival)) await readBody(passage, parts)
}

async function parseBody(passage: Passage, parts: WayInParts): Promise<void> {
  const { arrival } = passage
  const contentType = arrival.headers['content-type']
  if (!isScimMediaType(contentType)) throw errors.unsupportedMediaType(contentType)
  const encoding = arrival.headers['content-encoding']
  if (encoding !== undefined && !/^identity$/i.test(encoding)) throw errors.unsupportedContentEncoding(encoding)
  const bytes = await readBody(passage, parts)
  passage.bodySize = bytes.length
  passage.body = parseJson(decode(bytes))
  diagnose(passage)
  if (namesAnotherCharset(contentType)) passage.diagnosis?.push(deviations.anotherCharset(''))
}

/** Who speaks: by the connection, once it is proved that its caller does, and by as much of the request as is known. */
function diagnose(passage: Passage): void {
  const { arrival, connection: known, key: proved, replayOf, body: read } = passage
  const { method, path, query, headers } = arrival
  const traits = { method, path, query, userAgent: headers['user-agent'], body: read }
  const isTheirs = proved !== undefined || replayOf !== undefined
  const kind = (isTheirs ? known?.identityProvider : undefined) ?? 'other'
  passage.diagnosis = new Diagnosis(dialectOf(kind, traits))
  const other = contradiction(kind, traits)
  if (other !== undefined) passage.diagnosis.push(deviations.anotherDialect('', other))
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

function decode(bytes: Buffer): string {
  try {
    return utf8.decode(bytes)
  } catch {
    throw errors.invalidSyntax('The body is not UTF-8. Encode it as UTF-8 (RFC 7644 section 3.8).')
  }
}
