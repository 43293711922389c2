import type { Arrival, Passage, WayInParts } from './way-in.ts'

/** The body as it came, within the limit. It is read once, whichever steps ask for it. Rejects as `Arrival.readBody` does. */
export async function readBody(passage: Passage, { bodyLimit }: Pick<WayInParts, 'bodyLimit'>): Promise<Buffer> {
  passage.bytes ??= await passage.arrival.readBody(bodyLimit)
  return passage.bytes
}

/** RFC 9112 section 6: whether content follows. */
export function announcesBody({ headers }: Arrival): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) !== 0
}
