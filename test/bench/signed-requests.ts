import { generateKeyPairSync, randomBytes } from 'node:crypto'
import {
  digestFault,
  isProvedBy,
  messageOf,
  readSignature,
  readSigningKey,
  readVerifyingKey,
  signRequest,
  type SigningKey,
  type VerifyingKey,
  writtenPublicKey,
} from '#libs/signatures/index'

type Work = readonly [what: string, goal: number, run: () => unknown]

const url = new URL('https://scim.example.com/scim/v2/abcdefghijkmnpqr/Users')
const body = Buffer.from(JSON.stringify({ userName: 'ada@example.com', title: 'x'.repeat(1_000) }))
const request = { method: 'POST', url, contentType: 'application/scim+json', body }
const keyid = 'aB3dE5gH7jK9'

/** Signing a request with a body of 1 KiB, and all that the gateway does to verify it, but for the nonce. */
export function signedRequests(): Work[] {
  const secret = randomBytes(32).toString('base64url')
  const pem = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  return [
    ...of(readSigningKey('hmac-sha256', secret), readVerifyingKey('hmac-sha256', secret), 150),
    ...of(readSigningKey('ed25519', pem), readVerifyingKey('ed25519', writtenPublicKey(pem) ?? ''), 400),
  ]
}

function of(signing: SigningKey | undefined, verifying: VerifyingKey | undefined, goal: number): Work[] {
  if (signing === undefined || verifying === undefined) throw new Error('the keys are ones')
  const now = new Date()
  const signed = signRequest(request, { keyid, key: signing }, { now })
  const lower = Object.entries(signed).map(([name, value]) => [name.toLowerCase(), value])
  const message = messageOf('POST', url, { 'content-type': request.contentType, ...Object.fromEntries(lower) })
  const { algorithm } = verifying
  return [
    [`signed request, ${algorithm}: sign`, goal, () => signRequest(request, { keyid, key: signing }, { now })],
    [
      `signed request, ${algorithm}: verify`,
      goal,
      () => {
        const read = readSignature(message, { keyid, algorithm, hasBody: true, now })
        if (read.kind === 'fault' || !isProvedBy(verifying, read)) throw new Error('it is genuine')
        return digestFault(message.headers['content-digest'] ?? '', body)
      },
    ],
    ...[0, -1].map((at): Work => {
      const altered = {
        ...message,
        headers: { ...message.headers, signature: otherwise(message.headers['signature'] ?? '', at) },
      }
      const run = (): void => {
        const read = readSignature(altered, { keyid, algorithm, hasBody: true, now })
        if (read.kind === 'fault' || isProvedBy(verifying, read)) throw new Error('it is forged')
      }
      return [`signed request, ${algorithm}: forged, ${at === 0 ? 'first' : 'last'} byte wrong`, goal, run]
    }),
  ]
}

/** The signature with one of its bytes changed: how far it is right must not show in the time that it takes to refuse it. */
function otherwise(header: string, at: number): string {
  const [, label = '', encoded = ''] = /^([^:]*):(.*):$/.exec(header) ?? []
  const bytes = Buffer.from(encoded, 'base64')
  const index = at < 0 ? bytes.length + at : at
  bytes[index] = (bytes[index] ?? 0) ^ 1
  return `${label}:${bytes.toString('base64')}:`
}
