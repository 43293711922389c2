import type { Passage } from '../way-in.ts'

/** A request for a token must name its client as RFC 6749 section 2.3.1 has it. */
export function client({ asksForToken }: Passage): void {
  if (asksForToken?.fault !== undefined) throw asksForToken.fault
}
