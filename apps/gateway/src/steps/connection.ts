import { type KnownConnection, mayBeConnection } from '../principal.ts'
import { refusals } from '../refusals.ts'
import type { Passage, WayInParts } from '../way-in.ts'

/** Who the address names; whether there is such a connection is not told to anyone without its key. */
export async function connection(passage: Passage, { trust }: WayInParts): Promise<void> {
  // What is unknown is remembered too: nobody may have us remember long texts.
  if (!mayBeConnection(passage.arrival.connectionId)) return
  const known = await trust.connection(passage.arrival.connectionId)
  if (known !== undefined) passage.connection = known
  // What was remembered of it, for the record, is not to be gone by.
  else delete passage.connection
}

/** In place of a key, for a request that an operator sends again. */
export async function sandbox(passage: Passage, parts: WayInParts): Promise<void> {
  await connection(passage, parts)
  if (passage.connection?.environment !== 'sandbox') {
    throw refusals.forbidden(
      'not-a-sandbox',
      'Only a request of a sandbox can be sent again. Use a connection of that environment.',
    )
  }
  checkEnabled(passage.connection)
}

export function checkEnabled(known: KnownConnection | undefined): void {
  if (known === undefined || !known.enabled) {
    throw refusals.forbidden(
      'connection-disabled',
      'This connection is disabled. Enable it again before provisioning goes on.',
    )
  }
}
