import { refusals } from '../refusals.ts'
import type { Passage } from '../way-in.ts'

/** A listed proxy must say in a form that can be read who sent the request; what anybody else says of that is not looked at. */
export function address({ arrival }: Passage): void {
  if (arrival.caller.address !== undefined) return
  throw refusals.badRequest(
    'address-unreadable',
    'The proxy did not say in a form that can be read who sent the request. Have it write the address of its client into X-Forwarded-For, or set LATCHKEY_PROXY_HEADERS to what it writes.',
  )
}
