import type { Passage, WayInParts } from './way-in.ts'

/** The body as it came, within the limit. It is read once, whichever steps ask for it. Rejects as `Arrival.readBody` does. */
export async function readBody(passage: Passage, { bodyLimit }: Pick<WayInParts, 'bodyLimit'>): Promise<Buffer> {
  passage.bytes ??= await passage.arrival.readBody(bodyLimit)
  return passage.bytes
}
