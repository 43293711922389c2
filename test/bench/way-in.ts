import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { admit, type Passage, SigningKeys, type WayInParts } from '#apps/gateway/src/index'
import { memoryNonces } from '#libs/cache/index'
import type { Kid } from '#libs/credentials/index'
import type { KeyAuthentication } from '#libs/events/index'
import type { Database } from '#libs/postgres/index'
import { DataKeys, makeDataKey, sealUnder, signingPurpose } from '#libs/sealing/index'
import { readSigningKey, type SigningKey, signRequest, writtenPublicKey } from '#libs/signatures/index'
import { unlimitedRates } from '../unlimited.ts'
import { type Entrance, entranceOver, passageOf } from '../way-in.ts'
import { type InProcess, timesInTurns, type Work } from './times.ts'
import { user } from './requests.ts'

const body = Buffer.from(JSON.stringify({ ...user('ada'), title: 'x'.repeat(700) }))
const contentType = 'application/scim+json'
const tenant = 'acme'
const secret = randomBytes(32).toString('base64url')
const pem = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
const { dataKey, bytes: dataKeyBytes } = makeDataKey(tenant)

interface Way {
  readonly name: string
  readonly goal: number
  readonly authentication: (kid: Kid) => KeyAuthentication
  readonly signing?: SigningKey | undefined
}

const ways: readonly Way[] = [
  { name: 'bearer', goal: 60, authentication: () => ({ method: 'bearer' }) },
  {
    name: 'signed by hmac-sha256',
    goal: 150,
    authentication: (kid) => {
      const sealed = sealUnder(dataKey, { kid, purpose: signingPurpose }, secret)
      return { method: 'signed', algorithm: 'hmac-sha256', sealed }
    },
    signing: readSigningKey('hmac-sha256', secret),
  },
  {
    name: 'signed by ed25519',
    goal: 150,
    authentication: () => ({ method: 'signed', algorithm: 'ed25519', publicKey: writtenPublicKey(pem) ?? '' }),
    signing: readSigningKey('ed25519', pem),
  },
]

/**
 * The whole way in of a POST of 1 KiB, from the header's text to the last step, with the gateway's own parts: key, connection and what it is signed with are
 * in memory, but for one look into the tables every 4 seconds; each signature has a nonce of its own.
 */
export async function measureWayIn(database: Database): Promise<InProcess[]> {
  const entrance = await entranceOver(database, { limits: unlimitedRates, signatures: signatures() })
  const parts = { ...entrance.parts, bodyLimits: { each: 1_048_576, bulk: 4_194_304 } }
  const works: Work[] = []
  for (const way of ways) {
    const arriving = await arrivals(entrance, way)
    const next = (): (() => unknown) => {
      const passage = arriving()
      return () => admit(passage, parts)
    }
    works.push({ what: `way in, ${way.name}`, goal: way.goal, next })
  }
  return timesInTurns(works)
}

function signatures(): Pick<WayInParts['signatures'], 'keys' | 'nonces'> {
  const lifetime = 3_600_000
  const stored = { id: dataKey.id, tenant, kekId: '', kekVersion: '', wrapped: '' }
  const dataKeys = new DataKeys({ unwrap: async () => Buffer.from(dataKeyBytes) }, { lifetime })
  return {
    keys: new SigningKeys({ dataKeys, find: async () => stored, lifetime }),
    nonces: memoryNonces({
      clock: () => new Date(Date.now() - 60_000),
      limit: 1_000_000,
      ahead: { before: new Map(), keep: async () => true },
    }),
  }
}

/** Gives one request after the other, all of one new key. */
async function arrivals(entrance: Entrance, { authentication, signing }: Way): Promise<() => Passage> {
  const { parts, connection, mint } = entrance
  const key = await mint((kid) => ({ authentication: authentication(kid) }))
  const keyid = key.split('_')[2] ?? ''
  const sent = { connection, key, method: 'POST', path: '/Users', body }
  const url = new URL(`/scim/v2/${connection}/Users`, parts.signatures.publicUrl)
  return () => {
    const announced = { 'content-length': String(body.length) }
    if (signing === undefined) return passageOf({ ...sent, headers: announced })
    const signed = signRequest({ method: 'POST', url, contentType, body }, { keyid, key: signing }, { now: new Date() })
    const arrived = Object.entries(signed).map(([name, value]) => [name.toLowerCase(), read(value)] as const)
    return passageOf({ ...sent, headers: { ...announced, ...Object.fromEntries(arrived) } })
  }
}

/** In one piece, as HTTP's parser gives it. */
function read(header: string): string {
  return Buffer.from(header, 'latin1').toString('latin1')
}
