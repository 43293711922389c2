import { generateKeyPairSync, randomBytes } from 'node:crypto'
import {
  digestFault,
  isProvedBy,
  type Message,
  messageOf,
  readSignature,
  readSigningKey,
  readVerifyingKey,
  signRequest,
  type SigningKey,
  type VerifyingKey,
  writtenPublicKey,
} from '#libs/signatures/index'
import type { Work } from './times.ts'

const url = new URL('https://scim.example.com/scim/v2/abcdefghijkmnpqr/Users')
const body = Buffer.from(JSON.stringify({ userName: 'ada@example.com', title: 'x'.repeat(1_000) }))
const request = { method: 'POST', url, contentType: 'application/scim+json', body }
/** Microseconds. */
const goal = 150
const keyid = 'aB3dE5gH7jK9'

/** Signing a request with a body of 1 KiB, and all that the gateway does to verify it, but for the nonce. */
export function signedRequests(): Work[] {
  const secret = randomBytes(32).toString('base64url')
  const pem = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  return [
    ...of(readSigningKey('hmac-sha256', secret), readVerifyingKey('hmac-sha256', secret)),
    ...of(readSigningKey('ed25519', pem), readVerifyingKey('ed25519', writtenPublicKey(pem) ?? '')),
  ]
}

function of(signing: SigningKey | undefined, verifying: VerifyingKey | undefined): Work[] {
  if (signing === undefined || verifying === undefined) throw new Error('the keys are ones')
  const now = new Date()
  const signed = signRequest(request, { keyid, key: signing }, { now })
  const lower = Object.entries(signed).map(([name, value]) => [name.toLowerCase(), value])
  const message = messageOf('POST', url, { 'content-type': request.contentType, ...Object.fromEntries(lower) })
  const { algorithm } = verifying
  const isGenuine = (sent: Message): boolean => {
    const read = readSignature(sent, { keyid, algorithm, hasBody: true, now })
    return read.kind === 'signature' && isProvedBy(verifying, read)
  }
  const verify = (): void => {
    if (!isGenuine(message) || digestFault(message.headers['content-digest'] ?? '', body) !== undefined)
      throw new Error('it is genuine')
  }
  return [
    [`${algorithm}: sign`, () => signRequest(request, { keyid, key: signing }, { now })] as const,
    [`${algorithm}: verify`, verify] as const,
    ...[0, -1].map((at) => {
      const signature = otherwise(message.headers['signature'] ?? '', at)
      const forged = { ...message, headers: { ...message.headers, signature } }
      const refuse = (): void => {
        if (isGenuine(forged)) throw new Error('it is forged')
      }
      return [`${algorithm}: forged, ${at === 0 ? 'first' : 'last'} byte wrong`, refuse] as const
    }),
  ].map(([what, run]) => ({ what: `signed request, ${what}`, goal, next: () => run }))
}

/** The signature with one of its bytes changed: how far it is right must not show in the time that it takes to refuse it. */
function otherwise(header: string, at: number): string {
  const [, label = '', encoded = ''] = /^([^:]*):(.*):$/.exec(header) ?? []
  const bytes = Buffer.from(encoded, 'base64')
  const index = at < 0 ? bytes.length + at : at
  bytes[index] = (bytes[index] ?? 0) ^ 1
  return `${label}:${bytes.toString('base64')}:`
}
