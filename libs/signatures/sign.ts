import { randomBytes } from 'node:crypto'
import { serializeInnerList } from 'structured-headers'
import { contentDigest } from './content-digest.ts'
import type { SigningKey } from './keys.ts'
import { messageOf, signatureBase } from './message.ts'
import { componentsFor, profile } from './profile.ts'

export interface RequestToSign {
  readonly method: string
  readonly url: URL
  readonly contentType?: string | undefined
  /** Left out where the request has none. */
  readonly body?: Uint8Array | undefined
  /** Value of the header Latchkey-Dry-Run, where it is sent. */
  readonly dryRun?: string | undefined
}

export interface Signer {
  readonly keyid: string
  readonly key: SigningKey
}

/** Seconds for which a signature is good. */
const life = 300

/**
 * The headers that make a request a signed one: Signature-Input, Signature and, with a body, Content-Digest. The request must be sent to exactly this
 * URL with exactly this body, Content-Type and Latchkey-Dry-Run, once. `nonce` is random unless told.
 * @throws TypeError when there is a body without a Content-Type, or one that no header can hold
 */
export function signRequest(
  { method, url, contentType, body, dryRun }: RequestToSign,
  { keyid, key }: Signer,
  { now, nonce = randomBytes(18).toString('base64url') }: { readonly now: Date; readonly nonce?: string },
): Readonly<Record<string, string>> {
  const digest = body === undefined ? undefined : contentDigest(body)
  const created = Math.floor(now.getTime() / 1000)
  const headers = { 'content-type': contentType, 'content-digest': digest, 'latchkey-dry-run': dryRun }
  const components = componentsFor(headers, body !== undefined)
  const values: Readonly<Record<(typeof profile.parameters)[number], number | string>> = {
    created,
    expires: created + life,
    keyid,
    nonce,
    alg: key.algorithm,
    tag: profile.tag,
  }
  const parameters = serializeInnerList([
    components.map((name) => [name, new Map()]),
    new Map(profile.parameters.map((name) => [name, values[name]])),
  ])
  const base = signatureBase(messageOf(method, url, headers), components, parameters)
  if (base === undefined) throw new TypeError('a signed request with a body has a Content-Type')
  return {
    ...(digest === undefined ? {} : { 'Content-Digest': digest }),
    'Signature-Input': `${profile.tag}=${parameters}`,
    Signature: `${profile.tag}=:${key.sign(base).toString('base64')}:`,
  }
}
