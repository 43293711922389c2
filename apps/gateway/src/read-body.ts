import type { Arrival, Passage, WayInParts } from './way-in.ts'

/** Largest bodies in bytes: of a request, as which each operation of a bulk request counts, and of a bulk request. */
export interface BodyLimits {
  readonly each: number
  readonly bulk: number
}

export function bodyLimitOf({ path }: Pick<Arrival, 'path'>, { each, bulk }: BodyLimits): number {
  return path === '/Bulk' ? bulk : each
}

/** The body as it came, within the limit. It is read once, whichever steps ask for it. Rejects as `Arrival.readBody` does. */
export async function readBody(passage: Passage, { bodyLimits }: Pick<WayInParts, 'bodyLimits'>): Promise<Buffer> {
  const { arrival } = passage
  passage.bytes ??= await arrival.readBody(bodyLimitOf(arrival, bodyLimits))
  return passage.bytes
}

/** RFC 9112 section 6: whether content follows. */
export function announcesBody({ headers }: Arrival): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) !== 0
}
