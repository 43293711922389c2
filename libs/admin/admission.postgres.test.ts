import { addPepper, digest, generatePeppers, mintAdminToken } from '#libs/credentials/index'
import { makeEvent } from '#libs/events/index'
import type { ProblemCode } from '#libs/http/index'
import { Database } from '#libs/postgres/index'
import { testDatabase, type TestDatabase } from '#test/servers/postgres'
import { unlimitedRates } from '#test/unlimited'
import type { AdmissionParts } from './admission.ts'
import { Admission, AdminTokenTables, KnownTokens, TokenLookUps } from './index.ts'
import { bootstrapId } from './powers.ts'

type Known = NonNullable<Awaited<ReturnType<KnownTokens['find']>>>

const now = new Date('2026-03-01T10:00:00.000Z')
const peppers = generatePeppers()
const first = 'the-token-of-the-data-folder'
const { id, secret, text } = mintAdminToken()
const known: Known = {
  id,
  scopes: ['tenants:read'],
  tenants: ['acme'],
  allowlist: [],
  expiresAt: null,
  pepperVersion: 1,
  digest: digest(peppers, 1, secret),
  isRevoked: false,
}

const lookUps = new TokenLookUps(unlimitedRates)
const failures: unknown[] = []
beforeEach(() => void failures.splice(0))

let server: TestDatabase
let database: Database
beforeAll(async () => {
  server = await testDatabase()
  database = new Database({ url: server.url, applicationName: 'test', connections: 4 })
  await database.query('CREATE SCHEMA directory')
  await database.query(AdminTokenTables.create('directory'))
})
afterAll(async () => {
  await database.close()
  await server.drop()
})

/** Where the keys service has told of this token, and of no other. */
async function admission(
  token: Partial<Known> = {},
  isCurrent: boolean | (() => boolean) = true,
  more: Partial<Pick<AdmissionParts, 'peppers' | 'outdated'>> = {},
): Promise<Admission> {
  const tokens = new KnownTokens(database, 'directory')
  const { isRevoked, digest: held, pepperVersion, scopes, tenants, allowlist, expiresAt } = { ...known, ...token }
  const origin = { source: 'keys', subject: id, owner: '', time: now } as const
  const minted = makeEvent(
    'admin-token.minted',
    { ...origin, version: 1 },
    {
      token: id,
      name: 'of a test',
      scopes: [...scopes],
      tenants: tenants === null ? null : [...tenants],
      allowlist: [...allowlist],
      expiresAt: expiresAt === null ? null : expiresAt.toISOString(),
      pepperVersion,
      digest: Buffer.from(held).toString('base64url'),
      mintedBy: bootstrapId,
    },
  )
  const revoked = makeEvent(
    'admin-token.revoked',
    { ...origin, version: 2 },
    { token: id, revokedAt: now.toISOString() },
  )
  await database.query('DELETE FROM directory.admin_token')
  await database.transaction((transaction) => tokens.apply(transaction, isRevoked ? [minted, revoked] : [minted]))
  const onFailure = (failure: unknown): void => void failures.push(failure)
  return new Admission({
    bootstrap: [first],
    tokens,
    lookUps,
    peppers,
    clock: () => now,
    isCurrent: typeof isCurrent === 'boolean' ? () => isCurrent : isCurrent,
    onFailure,
    ...more,
  })
}

async function refusal(admitting: Promise<unknown>): Promise<ProblemCode> {
  return admitting.then(
    () => Promise.reject(new Error('it was let in')),
    (problem: { code: ProblemCode }) => problem.code,
  )
}

const bearer = (token: string): string => `Bearer ${token}`

test('the first token has all powers, and is known by a fixed name', async () => {
  const actor = await (await admission({}, false)).admit(bearer(first), '')
  expect(actor).toMatchObject({ id: bootstrapId, tenants: null, allowlist: [], expiresAt: null })
})

test('a token that was made has its own powers', async () => {
  expect(await (await admission()).admit(`bearer  ${text}`, '192.0.2.1')).toMatchObject({ id, tenants: ['acme'] })
})

test.each([
  ['missing', undefined, 'has no Authorization header'],
  ['not a bearer token', 'Basic x', 'not of the form'],
  ['wrong', 'Bearer wrong', 'admin token is wrong'],
  ['cut short', bearer(first.slice(0, -1)), 'admin token is wrong'],
  ['never made', bearer(mintAdminToken().text), 'not known here'],
])('a token that is %s is refused and told where one is found', async (_, header, cause) => {
  const admitting = (await admission()).admit(header, '')
  expect(await refusal(admitting)).toBe('unauthorized')
  await expect(admitting).rejects.toThrow(cause)
  await expect(admitting).rejects.toThrow('LATCHKEY_ADMIN_TOKEN')
})

test('the secret of another token does not do, and who presents it is not told of as its bearer', async () => {
  const other = mintAdminToken()
  const mixed = await admission({ digest: digest(peppers, 1, other.secret) })
  const proved: string[] = []
  expect(await refusal(mixed.admit(bearer(text), '', (actor) => void proved.push(actor.id)))).toBe('unauthorized')
  expect(proved).toEqual([])
})

test.each<[string, Partial<Known>, ProblemCode]>([
  ['was revoked', { isRevoked: true }, 'tokenRevoked'],
  ['expires at this very moment', { expiresAt: now }, 'tokenExpired'],
  ['is not for this address', { allowlist: ['198.51.100.0/24'] }, 'addressRefused'],
])('a token that %s is refused, and its bearer told of for the record', async (_, token, code) => {
  const proved: string[] = []
  const admitting = (await admission(token)).admit(bearer(text), '192.0.2.1', (actor) => void proved.push(actor.id))
  expect(await refusal(admitting)).toBe(code)
  expect(proved).toEqual([id])
})

test('while revocations may be unknown no token that was made is let in, known or not', async () => {
  expect(await refusal((await admission({}, false)).admit(bearer(text), ''))).toBe('unavailable')
  expect(await refusal((await admission({}, false)).admit(bearer(mintAdminToken().text), ''))).toBe('unavailable')
  expect(await refusal((await admission({ isRevoked: true }, false)).admit(bearer(text), ''))).toBe('tokenRevoked')
})

test.each([
  ['before revocations are known', [false, true]],
  ['when they are known no longer', [true, false]],
])('a token that is read %s is not let in, made or not', async (_, answers) => {
  for (const presented of [text, mintAdminToken().text]) {
    const left = [...answers]
    const admitting = (await admission({}, () => left.shift() ?? true)).admit(bearer(presented), '')
    expect(await refusal(admitting)).toBe('unavailable')
  }
})

test('of a token digested under an older pepper is told, with its secret, when it is let in and no sooner', async () => {
  const newer = addPepper(peppers)
  const told: unknown[][] = []
  const outdated = (...all: unknown[]): void => void told.push(all)
  const admit = async (token: Partial<Known>, under = newer, presented = text) =>
    (await admission(token, true, { peppers: under, outdated })).admit(bearer(presented), '192.0.2.7')
  await admit({}, peppers)
  await admit({ pepperVersion: 2, digest: digest(newer, 2, secret) })
  await admit({ pepperVersion: 2, digest: digest(newer, 2, secret) }, { ...newer, current: 1 })
  await refusal(admit({ isRevoked: true }))
  await refusal(admit({ expiresAt: now }))
  await refusal(admit({ allowlist: ['203.0.113.0/24'] }))
  await admit({}, newer, first)
  expect(told).toEqual([])
  await admit({})
  expect(told).toEqual([[known, secret]])
})

test('a token digested under a pepper that is not there is not called wrong: 503, and the operator hears of it', async () => {
  const place = await admission({ pepperVersion: 7 })
  await expect(place.admit(bearer(text), '')).rejects.toMatchObject({ code: 'pepperUnknown', status: 503 })
  expect(String(failures)).toContain('no pepper has version 7')
})

test('a revoked token whose pepper was left out is refused for good', async () => {
  expect(await refusal((await admission({ pepperVersion: 7, isRevoked: true })).admit(bearer(text), ''))).toBe(
    'unauthorized',
  )
  expect(failures).toEqual([])
})
