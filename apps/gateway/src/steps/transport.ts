import { isAccepted, matches } from '#libs/credentials/index'
import { type KnownKey, presentState } from '../principal.ts'
import { faultOf, isKeyInBody, presentClient } from '../presented.ts'
import { refusals } from '../refusals.ts'
import type { Passage, WayInParts } from '../way-in.ts'

/**
 * Nothing is taken in clear but from where that is allowed, and nothing is redirected: what is secret in it has been seen already, and would be
 * sent so again. A key that works is named in the record, by which the keys service knows that it is exposed.
 */
export async function transport(passage: Passage, parts: WayInParts): Promise<void> {
  if (passage.arrival.caller.link !== 'clear') return
  const seen = await keySeen(passage, parts)
  const fix =
    'Use the https address. Where a proxy took the request over TLS, its operator lists the proxy in LATCHKEY_TRUSTED_PROXIES and has it say so in X-Forwarded-Proto, or in Forwarded with LATCHKEY_PROXY_HEADERS=forwarded.'
  if (seen === undefined) {
    throw refusals.forbidden(
      'plain-http',
      `The request came over plain HTTP, where whoever is on its way can read it. ${fix}`,
    )
  }
  passage.key = seen
  throw refusals.forbidden(
    'key-in-clear',
    `The request came over plain HTTP with a key that works, so whoever was on its way could read that. Mint another key, paste it into the identity provider, and revoke this one. ${fix}`,
  )
}

async function keySeen(passage: Passage, parts: WayInParts): Promise<KnownKey | undefined> {
  const { address } = passage.arrival.caller
  if (address === undefined) return undefined
  if (isKeyInBody(passage)) {
    if ((await parts.rates.unread(passage, address)) !== undefined) return undefined
    await faultOf(() => presentClient(passage, parts))
    await parts.rates.forgive(passage)
  }
  const { arrival, presented } = passage
  if (presented?.kind !== 'key') return undefined
  if (!parts.rates.recognises(presented) && (await parts.rates.refusal(passage, presented, address)) !== undefined)
    return undefined
  const known = await parts.trust.key(presented.kid)
  const works =
    known !== undefined &&
    isAccepted(presentState(known, arrival.receivedAt)) &&
    known.environment === presented.environment
  return works && matches(parts.peppers, known, presented.secret) ? known : undefined
}
