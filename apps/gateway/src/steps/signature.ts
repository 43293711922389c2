import { errors, type ScimError } from '#libs/scim/index'
import {
  acceptSignature,
  digestFault,
  isProvedBy,
  type Message,
  readSignature,
  signatureAdvice,
  type SignatureFault,
} from '#libs/signatures/index'
import { certificate } from '../certificate.ts'
import type { KnownKey } from '../principal.ts'
import { announcesBody, readBody } from '../read-body.ts'
import { type CodeOf, refusals } from '../refusals.ts'
import type { Arrival, Passage, Skipped, WayInParts } from '../way-in.ts'

/**
 * Of a key whose policy asks for more than the key: a client certificate; or, by RFC 9421 and RFC 9530, one signature by the profile of `libs/signatures`, made with what belongs to the key, over a digest
 * of the body as it came, and with a nonce that nobody used before. What cannot be found out is not accepted. Of any other key nothing is asked here.
 */
export async function signature(
  passage: Passage,
  parts: Pick<WayInParts, 'bodyLimits' | 'signatures' | 'failed'>,
): Promise<void | Skipped> {
  const { arrival, key } = passage
  const authentication = key?.policy.authentication
  if (authentication?.method === 'mtls') return certificate(passage, authentication.certificates, arrival.receivedAt)
  if (key === undefined || authentication?.method !== 'signed') return 'skipped'
  const { algorithm } = authentication
  const { signatures, failed } = parts
  const hasBody = announcesBody(arrival)
  const message = messageOf(arrival, signatures.publicUrl)
  const read = readSignature(message, { keyid: key.kid, algorithm, hasBody, now: arrival.receivedAt })
  if (read.kind === 'fault') throw refusal(arrival, read.fault)
  const verifying = await signatures.keys.of(key)
  if (verifying === undefined) throw errors.internal()
  if ('kind' in verifying) {
    if (verifying.kind === 'sealed') failed(verifying.error, arrival.traceId)
    throw unknownYet('signing-secret-away', 'What this key signs with cannot be opened here for now')
  }
  if (!isProvedBy(verifying, read)) throw refusal(arrival, 'wrong', addressedTo(signatures.publicUrl))
  const { 'content-digest': digest } = arrival.headers
  if (digest !== undefined) {
    const fault = digestFault(digest, hasBody ? await readBody(passage, parts) : Buffer.alloc(0))
    if (fault !== undefined) throw refusal(arrival, fault)
  }
  await takeNonce(key, read, arrival, parts)
}

/** As long as any gateway, whose clock may be behind, takes the signature. */
const clockSlack = 60_000

async function takeNonce(
  { kid }: KnownKey,
  { nonce, created, expires }: { readonly nonce: string; readonly created: Date; readonly expires: Date },
  arrival: Arrival,
  { signatures: { nonces } }: Pick<WayInParts, 'signatures'>,
): Promise<void> {
  const lifetime = expires.getTime() - arrival.receivedAt.getTime() + clockSlack
  const taken = await nonces.take({ signer: kid, nonce, created }, lifetime)
  if (taken === undefined) {
    throw unknownYet('nonces-away', 'Whether this signature was used before cannot be found out for now')
  }
  if (!taken) throw refusal(arrival, 'replayed')
}

/**
 * As the client called it. Proxies may have changed the Host header, and others can forge it: what counts is the address that identity providers are given,
 * with the path that a proxy takes off.
 */
function messageOf({ method, target, headers }: Arrival, publicUrl: URL): Message {
  const at = target.indexOf('?')
  const [path, query] = at < 0 ? [target, '?'] : [target.slice(0, at), target.slice(at)]
  return { method, authority: publicUrl.host, path: `${prefixOf(publicUrl)}${path}`, query, headers }
}

function prefixOf({ pathname }: URL): string {
  return pathname.replace(/\/+$/, '')
}

function addressedTo(publicUrl: URL): string {
  const path = prefixOf(publicUrl)
  const begins = path === '' ? '' : `, and an @path that begins with ${path}`
  return `It is checked for the @authority ${publicUrl.host}${begins} (LATCHKEY_PUBLIC_URL).`
}

/** `more` is told between cause and fix. */
function refusal(arrival: Arrival, fault: SignatureFault, more?: string): ScimError {
  const { cause, fix } = signatureAdvice[fault]
  const detail = [cause, ...(more === undefined ? [] : [more]), fix].join(' ')
  const wanted = acceptSignature(arrival.headers, announcesBody(arrival))
  return refusals.unsigned(isOfDigest(fault) ? fault : `signature-${fault}`, detail, wanted)
}

function isOfDigest(fault: SignatureFault): fault is Extract<SignatureFault, `digest-${string}`> {
  return fault.startsWith('digest-')
}

function unknownYet(code: CodeOf<'undecided'>, cause: string): ScimError {
  return refusals.undecided(
    code,
    `${cause}. Sign the request again and repeat it in 5 seconds. Its operator finds in the log of this service what is away.`,
    5,
  )
}
