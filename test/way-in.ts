import { readAddress } from '#libs/addresses/index'
import {
  AccessTokens,
  type Arrival,
  KnownTrust,
  type Passage,
  type RateLimits,
  Rates,
  type WayInParts,
} from '#apps/gateway/src/index'
import { noNonces } from '#libs/cache/index'
import { memoryLimiter } from '#libs/rates/index'
import { digest, generatePeppers, type Kid, mintKey } from '#libs/credentials/index'
import {
  type AnyEvent,
  defaultSettings,
  type KeyPolicy,
  keyPolicy,
  makeEvent,
  type ConnectionFacts,
} from '#libs/events/index'
import type { Database } from '#libs/postgres/index'

const peppers = generatePeppers()
const publicUrl = 'https://scim.example.com'

/** A connection of the tenant acme, and the way in to it at a gateway that has just started. */
export interface Entrance {
  readonly parts: WayInParts
  readonly connection: string
  /** The text of a key that the gateway's tables know from now on, as another gateway has applied it. */
  mint(
    policy?: Partial<KeyPolicy> | ((kid: Kid) => Partial<KeyPolicy>),
    environment?: 'live' | 'sandbox',
  ): Promise<string>
  /** The gateway's tables know of it from now on. */
  revoke(key: string): Promise<void>
  /** The gateway's tables know the key by this policy from now on. */
  change(key: string, policy: Partial<KeyPolicy>): Promise<void>
  /** The gateway's tables know the connection as disabled from now on. */
  disable(): Promise<void>
  /** What the gateway remembers of keys and connections is read anew. */
  forget(): void
  /** As it does when it starts. */
  hear(): Promise<void>
}

export interface EntranceOptions {
  readonly limits: RateLimits
  /** Milliseconds, for the rates. */
  readonly now?: () => number
  readonly signatures?: Partial<WayInParts['signatures']>
}

/** Over a database that `migrateGateway` has been through; all else is in memory. */
export async function entranceOver(
  database: Database,
  { limits, now = () => performance.now(), signatures }: EntranceOptions,
): Promise<Entrance> {
  const trust = new KnownTrust(database, () => undefined)
  const otherGateway = new KnownTrust(database, () => undefined)
  const connection = `c${crypto.randomUUID()}`
  const apply = (event: AnyEvent, at = trust): Promise<void> =>
    database.transaction((transaction) => at.apply(transaction, [event]))
  const origin = (subject: string) =>
    ({ source: 'keys', owner: 'acme', subject, version: 1, time: new Date() }) as const
  const facts = { tenant: 'acme', connection, environment: 'live' } as const
  const described: Omit<ConnectionFacts, 'state'> = {
    ...facts,
    name: connection,
    identityProvider: 'other',
    settings: defaultSettings,
    schemas: [],
  }
  await apply(makeEvent('connection.created', origin(connection), { ...described, state: 'enabled' }))
  return {
    connection,
    parts: {
      trust,
      currency: { ofMinted: true, look: () => true },
      peppers,
      rates: new Rates({ shared: memoryLimiter(), own: memoryLimiter(), trust, limits, clock: now }),
      bodyLimits: { each: 1_000, bulk: 2_000 },
      signatures: {
        publicUrl: new URL(publicUrl),
        keys: { of: async () => undefined },
        nonces: noNonces,
        ...signatures,
      },
      digests: { renew: () => undefined },
      tokens: new AccessTokens(peppers, publicUrl),
      clock: () => new Date(),
      failed: (error) => {
        throw error
      },
    },
    async mint(policy = {}, environment = 'live') {
      const { kid, secret, text } = mintKey(environment)
      const pepperVersion = peppers.current
      const known = digest(peppers, pepperVersion, secret).toString('base64url')
      const whole = keyPolicy.parse(typeof policy === 'function' ? policy(kid) : policy)
      await apply(
        makeEvent('key.minted', origin(kid), {
          ...facts,
          environment,
          kid,
          pepperVersion,
          digest: known,
          policy: whole,
        }),
        otherGateway,
      )
      return text
    },
    async revoke(key) {
      const kid = key.split('_')[2] ?? ''
      const revokedAt = new Date().toISOString()
      await apply(makeEvent('key.revoked', { ...origin(kid), version: 2 }, { ...facts, kid, revokedAt }))
    },
    async change(key, policy) {
      const kid = key.split('_')[2] ?? ''
      const after = { ...facts, kid, changed: Object.keys(policy), policy: keyPolicy.parse(policy) }
      await apply(makeEvent('key.changed', { ...origin(kid), version: 2 }, after))
    },
    async disable() {
      const disabled = { ...described, state: 'disabled' as const, changed: ['state'] }
      await apply(makeEvent('connection.changed', { ...origin(connection), version: 2 }, disabled))
    },
    forget: () => trust.forgetAll(),
    hear: () => trust.hear(),
  }
}

export interface SentTo {
  readonly connection: string
  readonly key?: string
  readonly from?: string
  readonly method?: string
  readonly path?: string
  readonly link?: Arrival['caller']['link']
  readonly certificate?: Arrival['caller']['certificate']
  /** By names in lower case. */
  readonly headers?: Arrival['headers']
  readonly body?: Buffer
}

/** A request that has just arrived. */
export function passageOf({
  connection,
  key,
  from = '192.0.2.7',
  method = 'GET',
  path = '/Users',
  link = 'tls',
  certificate,
  headers = {},
  body = Buffer.from('{}'),
}: SentTo): Passage {
  return {
    steps: [],
    recorded: false,
    arrival: {
      requestId: '',
      method,
      connectionId: connection,
      path,
      query: new URLSearchParams(),
      target: `/scim/v2/${connection}${path}`,
      headers: {
        'content-type': 'application/scim+json',
        ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
        ...headers,
      },
      breach: undefined,
      caller: {
        text: from,
        address: readAddress(from),
        link,
        isProxied: false,
        ...(certificate === undefined ? {} : { certificate }),
      },
      receivedAt: new Date(),
      began: performance.now(),
      traceId: '',
      traceparent: '',
      readBody: async () => body,
    },
  }
}
