import { setTimeout as later } from 'node:timers/promises'
import { mintKey } from '#libs/credentials/index'
import type { KeyPolicy } from '#libs/events/index'
import { Database } from '#libs/postgres/index'
import { ScimError } from '#libs/scim/index'
import { withOtherEnvironment, withOtherSecret } from '#test/changed-key'
import { testDatabase, type TestDatabase } from '#test/servers/postgres'
import { type Entrance, entranceOver, passageOf, type SentTo } from '#test/way-in'
import { accepted } from './answer.ts'
import { requestDecided } from './decision.ts'
import { migrateGateway } from './index.ts'
import type { RateLimits } from './rates.ts'
import { refusals } from './refusals.ts'
import { admit, admitForToken, type Passage } from './way-in.ts'

/** Counts what the way in asks Postgres. */
class CountingDatabase extends Database {
  asked = 0

  override quick<Row extends object>(...asked: Parameters<Database['quick']>): Promise<Row[]> {
    this.asked++
    return super.quick<Row>(...asked)
  }
}

const limits: RateLimits = {
  perKey: 1_000_000,
  perConnection: 1_000_000,
  unproved: 20,
  lookUps: 40,
  refusals: 1_000_000,
}
let server: TestDatabase
let database: CountingDatabase

beforeAll(async () => {
  server = await testDatabase()
  database = new CountingDatabase({ url: server.url, applicationName: 'test', connections: 4 })
  await migrateGateway(database)
})

afterAll(async () => {
  await database.close()
  await server.drop()
})

/** A gateway that has just started, and a connection. */
function given(chosen: Partial<RateLimits> = {}, now = (): number => performance.now()): Promise<Entrance> {
  return entranceOver(database, { limits: { ...limits, ...chosen }, now })
}

/** The request's passage, and the code of what refused it. */
async function send(
  { parts, connection }: Entrance,
  sent: Omit<SentTo, 'connection'> & { readonly connection?: string },
): Promise<{ passage: Passage; code: string; error: ScimError | undefined }> {
  const passage = passageOf({ connection, ...sent })
  try {
    await admit(passage, parts)
    return { passage, code: 'passed', error: undefined }
  } catch (error) {
    if (!(error instanceof ScimError)) throw error
    return { passage, code: error.code, error }
  }
}

const certificate = {
  thumbprint: 'ab'.repeat(32),
  validFrom: new Date(0),
  validTo: new Date(Date.now() + 86_400_000),
}
const stepsOf = ({ steps }: Passage): string[] => steps.map(({ step, decision }) => `${step} ${decision}`)
const junk = (): string => mintKey('live').text

describe('the order', () => {
  test('each step is a named decision with its time', async () => {
    const place = await given()
    const key = await place.mint({ authentication: { method: 'mtls', certificates: [certificate.thumbprint] } })
    const { passage } = await send(place, { key, certificate: () => certificate, method: 'DELETE', path: '/Users/1' })
    expect(stepsOf(passage)).toEqual(
      ['shape', 'transport', 'address', 'rate', 'key', 'signature', 'payload', 'guard'].map((step) => `${step} passed`),
    )
    expect(passage.steps.every(({ microseconds }) => Number.isInteger(microseconds))).toBe(true)
  })

  test('the time of a step is what it took, in the record as in the passage', async () => {
    const place = await given()
    const passage = passageOf({ connection: place.connection, key: await place.mint(), method: 'POST' })
    const arrival = { ...passage.arrival, readBody: async () => later(50, Buffer.from('{"userName":"ada"}')) }
    const sent = { ...passage, arrival }
    await admit(sent, place.parts)
    const record = requestDecided(sent, { ...accepted(201) })
    if (record.name !== 'request.decided') throw new Error('it is one')
    expect(record.payload.steps).toEqual(passage.steps)
    const long = record.payload.steps.filter(({ microseconds }) => microseconds >= 49_000).map(({ step }) => step)
    expect(long).toContain('payload')
    expect(long).not.toContain('shape')
  })

  test('a step that asks nothing of the request claims no proof, and no count', async () => {
    const place = await given()
    const last = ({ passage }: Awaited<ReturnType<typeof send>>): string[] => stepsOf(passage).slice(-3)
    const key = await place.mint()
    expect(last(await send(place, { key }))).toEqual(['signature skipped', 'payload passed', 'guard skipped'])
    const deleting = { key, method: 'DELETE', path: '/Users/1' }
    expect(last(await send(place, deleting))).toEqual(['signature skipped', 'payload passed', 'guard passed'])
    const rehearsed = await send(place, { ...deleting, headers: { 'latchkey-dry-run': 'true' } })
    expect(last(rehearsed).at(-1)).toBe('guard skipped')
    const exchanged = await place.mint({ authentication: { method: 'oauth' } })
    const known = await place.parts.trust.key(exchanged.split('_')[2] ?? '')
    if (known === undefined) throw new Error('the key is known')
    const { text } = await place.parts.tokens.issue(known, new Date())
    expect(last(await send(place, { key: text }))[0]).toBe('signature skipped')
  })

  test('a key that is revoked while the body comes lets nothing in, and its one decision says so', async () => {
    const place = await given()
    const key = await place.mint()
    const passage = passageOf({ connection: place.connection, key, method: 'POST' })
    const arrival = {
      ...passage.arrival,
      readBody: async () => {
        await place.revoke(key)
        return Buffer.from('{"userName":"ada"}')
      },
    }
    await expect(admit({ ...passage, arrival }, place.parts)).rejects.toMatchObject({ code: 'key-revoked' })
    expect(stepsOf(passage).filter((step) => step.startsWith('key'))).toEqual(['key refused'])
    expect(stepsOf(passage).at(-1)).toBe('key refused')
  })

  test('a certificate that is taken out of the policy while the body comes lets nothing in, and the decision on its proof says so', async () => {
    const place = await given()
    const takenWith = (thumbprint: string): Partial<KeyPolicy> => ({
      authentication: { method: 'mtls', certificates: [thumbprint] },
    })
    const key = await place.mint(takenWith(certificate.thumbprint))
    const sent = { connection: place.connection, key, method: 'POST', certificate: () => certificate }
    const passage = passageOf(sent)
    const arrival = {
      ...passage.arrival,
      readBody: async () => {
        await place.change(key, takenWith('cd'.repeat(32)))
        return Buffer.from('{"userName":"ada"}')
      },
    }
    await expect(admit({ ...passage, arrival }, place.parts)).rejects.toMatchObject({ code: 'certificate-unknown' })
    expect(stepsOf(passage).filter((step) => /^(key|signature) /.test(step))).toEqual([
      'key passed',
      'signature refused',
    ])
    expect(stepsOf(passage).at(-1)).toBe('signature refused')
  })

  test.each<[string, string, (place: Entrance, key: string) => Promise<void>]>([
    ['the connection is disabled', 'connection-disabled', (place) => place.disable()],
    [
      'the address is no longer allowed',
      'key-address-not-allowed',
      (place, key) => place.change(key, { allowlist: ['198.51.100.0/24'] }),
    ],
    ['the scope is taken away', 'key-scope-missing', (place, key) => place.change(key, { scopes: ['read', 'users'] })],
  ])('where %s while the body comes, nothing is let in', async (_what, code, take) => {
    const place = await given()
    const key = await place.mint()
    const passage = passageOf({ connection: place.connection, key, method: 'POST' })
    const arrival = {
      ...passage.arrival,
      readBody: async () => {
        await take(place, key)
        return Buffer.from('{"userName":"ada"}')
      },
    }
    await expect(admit({ ...passage, arrival }, place.parts)).rejects.toMatchObject({ code })
    expect(stepsOf(passage).at(-1)).toBe('key refused')
  })

  test('what may be read without a key passes the same doors', async () => {
    const place = await given()
    const path = '/ServiceProviderConfig'
    expect(stepsOf((await send(place, { path })).passage)).toContain('rate passed')
    expect((await send(place, { path, link: 'clear' })).code).toBe('plain-http')
    for (let time = 0; time < limits.unproved; time++) await send(place, { path })
    expect((await send(place, { path })).code).toBe('too-many-bad-keys')
  })
})

test('a certificate that a proxy tells of is read for a key that asks for one, once that is proved, and for no other request', async () => {
  const place = await given()
  let reads = 0
  const shown = () => {
    reads++
    return certificate
  }
  const key = await place.mint({ authentication: { method: 'mtls', certificates: [certificate.thumbprint] } })
  expect((await send(place, { key: await place.mint(), certificate: shown })).code).toBe('passed')
  expect((await send(place, { key: withOtherSecret(key), certificate: shown })).code).toBe('key-wrong-secret')
  for (let time = 0; time < 2 * limits.unproved; time++) await send(place, { key: junk(), certificate: shown })
  expect((await send(place, { key: junk(), certificate: shown })).code).toBe('too-many-bad-keys')
  expect(reads).toBe(0)
  const calm = await given()
  const own = await calm.mint({ authentication: { method: 'mtls', certificates: [certificate.thumbprint] } })
  expect((await send(calm, { key: own, certificate: shown })).code).toBe('passed')
  expect(reads).toBe(1)
})

test('a key that is read before revocations are known is not accepted, though they are known by then', async () => {
  const place = await given()
  const key = await place.mint()
  let asked = 0
  const currency = { ofMinted: true, look: () => asked++ > 0 }
  const inTime = { ...place, parts: { ...place.parts, currency } }
  expect((await send(inTime, { key })).code).toBe('revocations-not-heard')
  expect((await send(inTime, { key })).code).toBe('passed')
})

describe('plain HTTP', () => {
  test('is refused at the step transport, and a key that works is named in the record', async () => {
    const place = await given()
    const key = await place.mint()
    const refused = await send(place, { key, link: 'clear' })
    expect([refused.code, refused.error?.status]).toEqual(['key-in-clear', 403])
    expect(stepsOf(refused.passage)).toEqual(['shape passed', 'transport refused'])
    expect(refused.passage.key?.kid).toBe(key.split('_')[2])
    expect(refused.error?.detail).toMatch(/Mint another key.*revoke this one/)
  })

  test('of a key that does not work no key is named', async () => {
    const place = await given()
    const minted = await place.mint()
    for (const key of [undefined, 'nonsense', junk(), withOtherSecret(minted)]) {
      const { code, passage } = await send(place, { link: 'clear', ...(key === undefined ? {} : { key }) })
      expect([code, passage.key]).toEqual(['plain-http', undefined])
    }
  })

  test('a flood of keys in clear costs no more queries than one of other bad keys', async () => {
    const place = await given()
    const before = database.asked
    for (let time = 0; time < 500; time++) await send(place, { key: junk(), link: 'clear' })
    expect(database.asked - before).toBeLessThanOrEqual(limits.unproved)
  })

  test('from this machine is exempt', async () => {
    const place = await given()
    expect((await send(place, { key: await place.mint(), link: 'exempt' })).code).toBe('passed')
  })
})

test('an address that a listed proxy tells of and that is none is refused at the step address', async () => {
  const place = await given()
  const { code, error, passage } = await send(place, { key: await place.mint(), from: 'unknown' })
  expect([code, error?.status, stepsOf(passage).at(-1)]).toEqual(['address-unreadable', 400, 'address refused'])
})

describe('10,000 random keys', () => {
  test('from one network cost a bounded number of queries; good keys from there and elsewhere pass', async () => {
    const place = await given()
    const [used, fresh] = [await place.mint(), await place.mint()]
    expect((await send(place, { key: used })).code).toBe('passed')
    const before = database.asked
    const began = performance.now()
    const codes = new Map<string, number>()
    const records: number[] = []
    for (let time = 0; time < 10_000; time++) {
      const { code, passage } = await send(place, { key: junk(), connection: `nowhere${time}` })
      codes.set(code, (codes.get(code) ?? 0) + 1)
      if (passage.alike !== 'left out') records.push(passage.alike ?? 0)
    }
    // As many in each ten seconds.
    const seconds = (performance.now() - began) / 1_000
    const mostLookedUp = limits.unproved * (1 + Math.floor(seconds / 10))
    expect(database.asked - before).toBeLessThanOrEqual(2 * mostLookedUp)
    expect(codes.get('key-unknown')).toBeLessThanOrEqual(mostLookedUp)
    expect((codes.get('key-unknown') ?? 0) + (codes.get('too-many-bad-keys') ?? 0)).toBe(10_000)
    // Of the refused, one a second leaves a record.
    expect(records.length).toBeLessThan(mostLookedUp + seconds + 2)
    expect((await send(place, { key: used })).code).toBe('passed')
    expect((await send(place, { key: fresh, from: '198.51.100.1' })).code).toBe('passed')
  })

  test('from as many networks are looked up no oftener than is set; a good key that is in use passes', async () => {
    const place = await given()
    const used = await place.mint()
    expect((await send(place, { key: used })).code).toBe('passed')
    const before = database.asked
    const began = performance.now()
    const codes = await atOnce(10_000, (time) => send(place, { key: junk(), from: network(time) }))
    expect(new Set(codes.map(({ code }) => code))).toEqual(new Set(['key-unknown', 'too-many-unknown-keys']))
    const seconds = Math.ceil((performance.now() - began) / 1_000)
    expect(database.asked - before).toBeLessThanOrEqual((seconds + 1) * 2 * limits.lookUps)
    expect((await send(place, { key: used })).code).toBe('passed')
  })

  test('keep no key from passing that a gateway which has just started has heard of, from whatever network', async () => {
    const place = await given()
    const unused = [await place.mint(), await place.mint()]
    await place.hear()
    const flood = atOnce(5_000, (time) => send(place, { key: junk(), from: network(time) }))
    for (let time = 0; time <= limits.unproved; time++) await send(place, { key: junk() })
    expect((await send(place, { key: junk() })).code).toBe('too-many-bad-keys')
    for (const key of unused) expect((await send(place, { key })).code).toBe('passed')
    expect(new Set((await flood).map(({ code }) => code))).toEqual(new Set(['key-unknown', 'too-many-unknown-keys']))
  })

  test('with the id of a key that was only heard of cost a bounded number of queries, and the key passes', async () => {
    const place = await given()
    const unused = await place.mint()
    await place.hear()
    const wrong = withOtherSecret(unused)
    const before = database.asked
    const began = performance.now()
    const tried = await atOnce(3_000, (time) =>
      send(place, { key: wrong, from: network(time), connection: `c${time}` }),
    )
    expect(new Set(tried.map(({ code }) => code))).toEqual(new Set(['key-wrong-secret', 'too-many-unknown-keys']))
    const seconds = Math.ceil((performance.now() - began) / 1_000)
    // The key once in four seconds, and the connection of each that is told of.
    expect(database.asked - before).toBeLessThanOrEqual((seconds + 1) * (limits.lookUps / 2 + 1))
    expect((await send(place, { key: unused })).code).toBe('passed')
  })

  test('one network cannot keep others from being looked up for the first time', async () => {
    const place = await given({ unproved: 1_000_000 })
    const good = await place.mint()
    const flood = atOnce(1_000, () => send(place, { key: junk() }))
    expect((await send(place, { key: junk() })).code).toBe('too-many-unknown-keys')
    expect((await send(place, { key: good, from: '198.51.100.1' })).code).toBe('passed')
    await flood
  })

  test('of the addresses that one subscriber has in IPv6 count as one', async () => {
    const place = await given()
    for (let time = 0; time < limits.unproved; time++) await send(place, { key: junk(), from: `2001:db8:1:2::${time}` })
    expect((await send(place, { key: junk(), from: '2001:db8:1:2:ffff::1' })).code).toBe('too-many-bad-keys')
    expect((await send(place, { key: junk(), from: '2001:db8:1:3::1' })).code).toBe('key-unknown')
  })

  test('keys that turn out to be good use up nothing of what their network may try', async () => {
    const place = await given({ lookUps: 1_000_000 })
    for (let time = 0; time < 3 * limits.unproved; time++) {
      expect((await send(place, { key: await place.mint() })).code).toBe('passed')
    }
    for (let time = 0; time < limits.unproved; time++) await send(place, { key: junk() })
    expect((await send(place, { key: junk() })).code).toBe('too-many-bad-keys')
  })

  test('with the id of a good key are refused after a while, and the good key passes', async () => {
    const place = await given()
    const good = await place.mint()
    expect((await send(place, { key: good })).code).toBe('passed')
    const codes: string[] = []
    const before = database.asked
    for (let time = 0; time < 100; time++) codes.push((await send(place, { key: withOtherSecret(good) })).code)
    expect(codes.filter((code) => code === 'key-wrong-secret')).toHaveLength(limits.unproved)
    expect(codes.at(-1)).toBe('too-many-bad-keys')
    expect(database.asked - before).toBe(0)
    expect((await send(place, { key: good })).code).toBe('passed')
  })

  test('with the id of a good key are recorded for the connection that they were tried at, also where it was forgotten, in a bounded number of queries', async () => {
    const place = await given()
    const other = (await given()).connection
    const good = await place.mint()
    expect((await send(place, { key: good })).code).toBe('passed')
    place.forget()
    const wrong = withOtherSecret(good)
    expect((await send(place, { key: wrong })).passage.connection?.connection).toBe(place.connection)
    expect((await send(place, { key: wrong, connection: other })).passage.connection?.connection).toBe(other)
    const before = database.asked
    const tried = await atOnce(1_000, (time) => send(place, { key: wrong, connection: `c${time}` }))
    expect(new Set(tried.map(({ code }) => code))).toEqual(new Set(['key-wrong-secret', 'too-many-bad-keys']))
    expect(database.asked - before).toBeLessThanOrEqual(limits.unproved)
    expect((await send(place, { key: good })).code).toBe('passed')
  })

  test('with the id of a good key, from as many networks, leave no more records than is set, and the good key passes', async () => {
    const place = await given()
    const good = await place.mint()
    expect((await send(place, { key: good })).code).toBe('passed')
    const began = performance.now()
    const sent = await atOnce(3_000, (time) => send(place, { key: withOtherSecret(good), from: network(time) }))
    expect(new Set(sent.map(({ code }) => code))).toEqual(new Set(['key-wrong-secret', 'too-many-unknown-keys']))
    const records = sent.filter(({ passage }) => passage.alike !== 'left out').length
    const seconds = Math.ceil((performance.now() - began) / 1_000)
    expect(records).toBeLessThanOrEqual((seconds + 1) * (limits.lookUps / 2) + 1)
    expect((await send(place, { key: good })).code).toBe('passed')
  })

  test('from very many networks that are refused leave a bounded number of records, and those left out are counted', async () => {
    let now = 0
    const place = await given({ unproved: 1, lookUps: 1_000_000 }, () => now)
    const refused = async (): Promise<(number | 'left out' | undefined)[]> => {
      const found: Passage['alike'][] = []
      for (let time = 0; time < 120; time++)
        found.push((await send(place, { key: junk(), from: network(time) })).passage.alike)
      return found
    }
    await refused()
    expect((await refused()).filter((alike) => alike !== 'left out')).toEqual(Array.from({ length: 50 }, () => 0))
    now += 1_000
    const [first, ...rest] = await refused()
    expect([first, rest.filter((alike) => alike !== 'left out').length]).toEqual([0, 49])
    now += 1_000
    await send(place, { key: junk(), from: network(0) })
    expect((await send(place, { key: junk(), from: network(119) })).passage.alike).toBe(2)
  })
})

function atOnce<T>(times: number, act: (time: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: times }, (_, time) => act(time)))
}

function network(number: number): string {
  return `10.${number >> 16}.${(number >> 8) & 255}.${number & 255}`
}

test.each([
  ['live', 'test'],
  ['sandbox', 'live'],
] as const)(
  'a %s key that says lk_%s is refused, and named in the record: its secret is right',
  async (environment, word) => {
    const place = await given()
    const key = withOtherEnvironment(await place.mint({}, environment))
    const [, written, kid] = key.split('_')
    const { code, error, passage } = await send(place, { key })
    expect([written, code, error?.status, passage.key?.kid]).toEqual([word, 'key-of-another-environment', 401, kid])
    expect(stepsOf(passage).at(-1)).toBe('key refused')
  },
)

describe('a request for a token', () => {
  const faulty = refusals.unauthorized('client-missing', 'There is no client.')

  interface Asked {
    /** By Basic, which is known before the body is read. */
    readonly basic?: string
    /** In the body. */
    readonly inBody?: string
    /** What is wrong with the body. */
    readonly fault?: ScimError
    readonly link?: SentTo['link']
  }
  let reads = 0

  async function ask({ parts, connection }: Entrance, { basic, inBody, fault, link = 'tls' }: Asked) {
    const arrivalWith = (key?: string) =>
      passageOf({ method: 'POST', path: '/', connection, link, ...(key === undefined ? {} : { key }) }).arrival
    const passage: Passage = {
      steps: [],
      recorded: false,
      arrival: arrivalWith(basic),
      asksForToken: {
        async client() {
          reads++
          if (fault !== undefined) throw fault
          return arrivalWith(basic ?? inBody)
        },
      },
    }
    try {
      await admitForToken(passage, parts)
      return { passage, code: 'passed' }
    } catch (error) {
      return { passage, code: error instanceof ScimError ? error.code : String(error) }
    }
  }

  /** What is presented as the secret of the connection, or what is wrong with it. */
  const exchange = async (place: Entrance, secret: string | ScimError): Promise<string> =>
    (await ask(place, typeof secret === 'string' ? { basic: secret } : { fault: secret })).code

  test('has its body read once it came over TLS, from a known address, and not too often', async () => {
    const place = await given()
    const key = await place.mint({ authentication: { method: 'oauth' } })
    expect((await ask(place, { inBody: key })).code).toBe('passed')
    reads = 0
    const { code, passage } = await ask(place, { basic: key, link: 'clear' })
    expect([code, reads, stepsOf(passage)]).toEqual(['key-in-clear', 0, ['shape passed', 'transport refused']])
    for (let time = 0; time < limits.unproved; time++) await ask(place, { fault: faulty })
    reads = 0
    const flooding = await ask(place, { inBody: key })
    expect([flooding.code, reads, stepsOf(flooding.passage).at(-1)]).toEqual(['too-many-bad-keys', 0, 'rate refused'])
    expect([(await ask(place, { inBody: key, link: 'clear' })).code, reads]).toEqual(['plain-http', 0])
    expect((await ask(place, { basic: key })).code).toBe('passed')
  })

  test('is refused in clear by the key in its body too, which is named in the record', async () => {
    const place = await given()
    const key = await place.mint({ authentication: { method: 'oauth' } })
    const { code, passage } = await ask(place, { inBody: key, link: 'clear' })
    expect([code, passage.key?.kid, stepsOf(passage)]).toEqual([
      'key-in-clear',
      key.split('_')[2],
      ['shape passed', 'transport refused'],
    ])
    for (const asked of [{ inBody: junk() }, { fault: faulty }, { inBody: withOtherSecret(key) }]) {
      expect((await ask(place, { ...asked, link: 'clear' })).code).toBe('plain-http')
    }
  })

  test('with a key in its body that is known here takes nothing from its network, and counts for the key', async () => {
    const place = await given()
    const key = await place.mint({ authentication: { method: 'oauth' }, rate: { perSecond: 30, burst: 30 } })
    for (let time = 0; time < 30; time++) expect((await ask(place, { inBody: key })).code).toBe('passed')
    const { code, passage } = await ask(place, { inBody: key })
    expect([code, stepsOf(passage).at(-1)]).toEqual(['key-rate-exceeded', 'client refused'])
    const codes: string[] = []
    for (let time = 0; time < 100; time++) codes.push((await ask(place, { fault: faulty })).code)
    expect(codes.filter((code) => code === 'client-missing')).toHaveLength(limits.unproved)
  })

  test('that names a known key by Basic, and is none, counts for its network', async () => {
    const place = await given()
    const key = await place.mint({ authentication: { method: 'oauth' } })
    expect((await ask(place, { basic: key })).code).toBe('passed')
    const codes: string[] = []
    for (let time = 0; time < 100; time++) codes.push((await ask(place, { basic: key, fault: faulty })).code)
    expect(codes.filter((code) => code === 'client-missing')).toHaveLength(limits.unproved)
  })

  test('without a client counts for its network as one without a key does, and one with a good key passes', async () => {
    const place = await given()
    const key = await place.mint({ authentication: { method: 'oauth' } })
    expect(await exchange(place, key)).toBe('passed')
    const codes: string[] = []
    const before = database.asked
    for (let time = 0; time < 100; time++) codes.push(await exchange(place, faulty))
    expect(codes.filter((code) => code === 'client-missing')).toHaveLength(limits.unproved)
    expect(codes.at(-1)).toBe('too-many-bad-keys')
    expect(database.asked - before).toBe(0)
    expect(await exchange(place, key)).toBe('passed')
  })

  test('with wrong secrets of a good key is refused after a while, and one with the key passes', async () => {
    const place = await given()
    const key = await place.mint({ authentication: { method: 'oauth' } })
    expect(await exchange(place, key)).toBe('passed')
    const codes: string[] = []
    for (let time = 0; time < 100; time++) codes.push(await exchange(place, withOtherSecret(key)))
    expect(codes.filter((code) => code === 'key-wrong-secret')).toHaveLength(limits.unproved)
    expect(codes.at(-1)).toBe('too-many-bad-keys')
    expect(await exchange(place, key)).toBe('passed')
  })

  test('counts for its key, as any other does', async () => {
    const place = await given()
    const key = await place.mint({ authentication: { method: 'oauth' }, rate: { perSecond: 30, burst: 30 } })
    for (let time = 0; time < 30; time++) expect(await exchange(place, key)).toBe('passed')
    expect(await exchange(place, key)).toBe('key-rate-exceeded')
  })

  test('and what it was given has ended: the step tells so', async () => {
    const place = await given()
    const minted = await place.mint({ authentication: { method: 'oauth' } })
    const known = await place.parts.trust.key(minted.split('_')[2] ?? '')
    if (known === undefined) throw new Error('the key is known')
    const { text } = await place.parts.tokens.issue(known, new Date(Date.now() - 601_000))
    const { code, error, passage } = await send(place, { key: text })
    expect([code, error?.status, stepsOf(passage).at(-1)]).toEqual(['token-expired', 401, 'key refused'])
    expect(error?.headers).toEqual({ 'WWW-Authenticate': 'Bearer realm="scim", error="invalid_token"' })
  })
})

test('a key that was digested under a pepper that this gateway does not have is not called wrong, and the operator hears of it', async () => {
  const place = await given()
  const key = await place.mint()
  const failures: unknown[] = []
  const parts = {
    ...place.parts,
    peppers: { current: 2, keys: new Map() },
    failed: (error: unknown) => failures.push(error),
  }
  const { code, error } = await send({ ...place, parts }, { key })
  expect([code, error?.status, error?.headers['Retry-After']]).toEqual(['pepper-unknown', 503, '5'])
  expect(String(failures)).toContain('no pepper has version 1')
})

test('a token that is none is refused before it is read when its network sent too many; good ones pass', async () => {
  const place = await given()
  const minted = await place.mint({ authentication: { method: 'oauth' } })
  const known = await place.parts.trust.key(minted.split('_')[2] ?? '')
  if (known === undefined) throw new Error('the key is known')
  const { text } = await place.parts.tokens.issue(known, new Date())
  let read = 0
  const tokens = {
    issue: place.parts.tokens.issue.bind(place.parts.tokens),
    read: (...asked: Parameters<typeof place.parts.tokens.read>) => {
      read++
      return place.parts.tokens.read(...asked)
    },
  }
  const counting = { ...place, parts: { ...place.parts, tokens } }
  const forged = text.replace(/[^.]*$/, 'x'.repeat(43))
  for (let time = 0; time < 100; time++) await send(counting, { key: forged })
  expect(read).toBe(limits.unproved)
  expect((await send(counting, { key: forged })).code).toBe('too-many-bad-keys')
  expect((await send(counting, { key: text, from: '198.51.100.1' })).code).toBe('passed')
  expect((await send(counting, { key: text })).code).toBe('passed')
})

describe('the rate of a key', () => {
  test('is that of its policy, and told with when to come again', async () => {
    const place = await given()
    const key = await place.mint({ rate: { perSecond: 50, burst: 50 } })
    const answers: string[] = []
    for (let time = 0; time < 60; time++) answers.push((await send(place, { key })).code)
    expect(answers.slice(0, 50).every((code) => code === 'passed')).toBe(true)
    expect(answers.slice(50).every((code) => code === 'key-rate-exceeded')).toBe(true)
    const { error, passage } = await send(place, { key })
    expect([error?.status, error?.headers['Retry-After']]).toEqual([429, '1'])
    expect(stepsOf(passage).at(-1)).toBe('rate refused')
    expect((await send(place, { key: await place.mint() })).code).toBe('passed')
  })

  test('is never less than 25 a second, whatever is set', async () => {
    const place = await given({ perConnection: 1 })
    const key = await place.mint({ rate: { perSecond: 1, burst: 1 } })
    for (let time = 0; time < 25; time++) expect((await send(place, { key })).code).toBe('passed')
  })

  test('with a great burst does not lock the key out: the window ends soon, and the floor passes meanwhile', async () => {
    const place = await given()
    const key = await place.mint({ rate: { perSecond: 30, burst: 100_000 } })
    const began = performance.now()
    let passed = 0
    let waits = 0
    for (let time = 0; time < 600; time++) {
      const { code, error } = await send(place, { key })
      if (code === 'passed') passed++
      waits = Math.max(waits, Number(error?.headers['Retry-After'] ?? 0))
    }
    const seconds = Math.ceil((performance.now() - began) / 1_000)
    expect(waits).toBe(1)
    expect(passed).toBeGreaterThanOrEqual(330)
    expect(passed).toBeLessThanOrEqual(300 + 30 * (seconds + 1) + 300 * Math.floor(seconds / 10))
  })

  test('of all keys of a connection is counted together', async () => {
    const place = await given({ perConnection: 50 })
    const keys = [await place.mint(), await place.mint()]
    for (let time = 0; time < 50; time++)
      for (const key of keys) expect((await send(place, { key })).code).toBe('passed')
    expect((await send(place, { key: keys[0] ?? '' })).code).toBe('connection-rate-exceeded')
  })

  test('cannot be used up by who does not hold it', async () => {
    const place = await given({ perKey: 25, unproved: 1_000, lookUps: 1_000_000 })
    const key = await place.mint()
    expect((await send(place, { key })).code).toBe('passed')
    for (let time = 0; time < 200; time++) await send(place, { key: withOtherSecret(key) })
    expect((await send(place, { key })).code).toBe('passed')
  })

  test('cannot be used up by who holds the key and is not let in with it', async () => {
    const place = await given({ perKey: 25, perConnection: 25, unproved: 1_000, lookUps: 1_000_000 })
    const passes = async (key: string, from: string): Promise<void> =>
      expect((await send(place, { key, from })).code).toBe('passed')
    const [own, stolen] = [
      await place.mint({ allowlist: ['10.0.0.0/8'] }),
      await place.mint({ allowlist: ['10.0.0.1'] }),
    ]
    for (const key of [own, stolen]) await passes(key, '10.0.0.1')
    for (let time = 0; time < 200; time++)
      expect((await send(place, { key: stolen })).code).toBe('key-address-not-allowed')
    for (const key of [own, stolen]) await passes(key, '10.0.0.1')
    await place.revoke(stolen)
    for (let time = 0; time < 200; time++)
      expect((await send(place, { key: stolen, from: '10.0.0.1' })).code).toBe('key-revoked')
    await passes(own, '10.0.0.1')
    const certified = await place.mint({ authentication: { method: 'mtls', certificates: [certificate.thumbprint] } })
    expect((await send(place, { key: certified, certificate: () => certificate })).code).toBe('passed')
    for (let time = 0; time < 200; time++)
      expect((await send(place, { key: certified })).code).toBe('certificate-missing')
    expect((await send(place, { key: certified, certificate: () => certificate })).code).toBe('passed')
    const signing = await place.mint({ authentication: { method: 'signed', algorithm: 'hmac-sha256', sealed: 'x' } })
    for (let time = 0; time < 200; time++) expect((await send(place, { key: signing })).code).toBe('signature-missing')
    await passes(own, '10.0.0.1')
  })

  test('a key that is not let in is refused as other bad ones are after a while, and leaves as few records', async () => {
    const place = await given()
    const key = await place.mint({ allowlist: ['10.0.0.0/8'] })
    for (const from of ['10.0.0.1', '192.0.2.7']) {
      if (from === '10.0.0.1') expect((await send(place, { key, from })).code).toBe('passed')
      const codes: string[] = []
      for (let time = 0; time < 100; time++) codes.push((await send(place, { key })).code)
      expect(codes.filter((code) => code === 'key-address-not-allowed').length).toBeLessThanOrEqual(limits.unproved)
      expect(codes.at(-1)).toBe('too-many-bad-keys')
    }
    expect((await send(place, { key, from: '10.0.0.1' })).code).toBe('passed')
  })

  test('what a revoked key names is not looked up once the key is known', async () => {
    const place = await given({ unproved: 1_000, lookUps: 1_000_000 })
    const key = await place.mint()
    expect((await send(place, { key })).code).toBe('passed')
    await place.revoke(key)
    expect((await send(place, { key })).code).toBe('key-revoked')
    const before = database.asked
    for (let time = 0; time < 100; time++) await send(place, { key, connection: `nowhere${time}` })
    expect(database.asked - before).toBe(0)
  })

  test('one record a second tells of those refused alike, and counts them', async () => {
    let now = 0
    const place = await given({}, () => now)
    const key = await place.mint({ rate: { perSecond: 30, burst: 30 } })
    for (let time = 0; time < 30; time++) await send(place, { key })
    const alike = async (): Promise<unknown> => (await send(place, { key })).passage.alike
    expect([await alike(), await alike(), await alike()]).toEqual([0, 'left out', 'left out'])
    now = 1_000
    expect(await alike()).toBe(2)
  })
})

describe('the policy of a key', () => {
  test.each([
    [['read', 'users', 'groups'], 'GET', '/Users', 'passed'],
    [['read', 'users', 'groups'], 'POST', '/Users/.search', 'passed'],
    [['read', 'users', 'groups'], 'POST', '/Users', 'key-scope-missing'],
    [['read', 'users', 'groups'], 'DELETE', '/Groups/1', 'key-scope-missing'],
    [['read', 'users', 'groups'], 'POST', '/Bulk', 'key-scope-missing'],
    [['write', 'users', 'groups'], 'GET', '/Users', 'key-scope-missing'],
    [['write', 'users', 'groups'], 'HEAD', '/Users/1', 'key-scope-missing'],
    [['write', 'users', 'groups'], 'PUT', '/Users/1', 'passed'],
    [['write', 'users'], 'POST', '/Bulk', 'passed'],
    [['read', 'write', 'users'], 'GET', '/Groups', 'key-scope-missing'],
    [['read', 'write', 'groups'], 'PATCH', '/Groups/1', 'passed'],
    [['read', 'write', 'groups'], 'PATCH', '/Users/1', 'key-scope-missing'],
    [['read', 'write', 'users'], 'GET', '/', 'key-scope-missing'],
    [[], 'GET', '/Schemas', 'passed'],
    [[], 'GET', '/nowhere', 'unknown-endpoint'],
  ] as const)('%j: %s %s is %s', async (scopes, method, path, code) => {
    const place = await given()
    const answer = await send(place, { key: await place.mint({ scopes: [...scopes] }), method, path })
    expect(answer.code).toBe(code)
    if (code !== 'key-scope-missing') return
    expect([answer.error?.status, stepsOf(answer.passage).at(-1)]).toEqual([403, 'key refused'])
    expect(answer.error?.detail).toMatch(/scopes .*let its operator add/)
  })

  test.each([
    [['10.0.0.0/8'], '10.1.1.1', 'passed'],
    [['10.0.0.0/8'], '::ffff:10.1.1.1', 'passed'],
    [['10.0.0.0/8'], '11.1.1.1', 'key-address-not-allowed'],
    [['10.0.0.0/8', '2001:db8::/32'], '2001:db8::1', 'passed'],
    [['2001:db8::/32'], '2001:db9::1', 'key-address-not-allowed'],
    [['192.0.2.7'], '192.0.2.8', 'key-address-not-allowed'],
    [['not a range'], '192.0.2.7', 'key-address-not-allowed'],
    [[], '192.0.2.7', 'passed'],
  ])('%j: from %s is %s', async (allowlist, from, code) => {
    const place = await given()
    const answer = await send(place, { key: await place.mint({ allowlist }), from })
    expect([answer.code, answer.error?.status]).toEqual([code, code === 'passed' ? undefined : 403])
  })
})
