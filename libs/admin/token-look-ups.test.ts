import { digest, generatePeppers, mintAdminToken } from '#libs/credentials/index'
import type { ProblemCode } from '#libs/http/index'
import { Admission, type KnownTokens, TokenLookUps } from './index.ts'

type Known = NonNullable<Awaited<ReturnType<KnownTokens['find']>>>

const limits = { unproved: 20, lookUps: 40 }
const peppers = generatePeppers()
const home = '192.0.2.7'

/** One that is made of tokens, and counts what it looks up. */
function place(given: Partial<typeof limits> = {}) {
  const known = new Map<string, Known>()
  let lookedUp = 0
  const find: KnownTokens['find'] = async (id) => {
    lookedUp++
    // As answers of Postgres come: each in a turn of its own.
    await new Promise((resolve) => setImmediate(resolve))
    return known.get(id)
  }
  const first = mintAdminToken().text
  const admission = new Admission({
    bootstrap: [first],
    tokens: { find, forgetAll: () => undefined },
    lookUps: new TokenLookUps({ ...limits, ...given }),
    peppers,
    clock: () => new Date(),
    isCurrent: () => true,
    onFailure: () => undefined,
  })
  return {
    first,
    lookedUp: () => lookedUp,
    mint() {
      const { id, secret, text } = mintAdminToken()
      const powers = { scopes: [], tenants: null, allowlist: [], expiresAt: null }
      known.set(id, { id, ...powers, pepperVersion: 1, digest: digest(peppers, 1, secret), isRevoked: false })
      return text
    },
    admit: (text: string, from = home): Promise<ProblemCode | 'let in'> =>
      admission.admit(`Bearer ${text}`, from).then(
        () => 'let in',
        (problem: { code: ProblemCode }) => problem.code,
      ),
  }
}

const junk = (): string => mintAdminToken().text
const network = (index: number): string => `198.${18 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`

describe('a flood of admin tokens that were never made', () => {
  test('is looked up as often as one network may, and what was accepted before is let in from there', async () => {
    const here = place()
    const used = here.mint()
    expect(await here.admit(used)).toBe('let in')
    const before = here.lookedUp()
    const codes: string[] = []
    for (let time = 0; time < 1_000; time++) codes.push(await here.admit(junk()))
    expect(codes.filter((code) => code === 'unauthorized')).toHaveLength(limits.unproved)
    expect(codes.filter((code) => code === 'tooManyRefused')).toHaveLength(1_000 - limits.unproved)
    expect(here.lookedUp() - before).toBe(limits.unproved)
    expect([await here.admit(used), await here.admit(here.first)]).toEqual(['let in', 'let in'])
    expect(await here.admit(here.mint(), '203.0.113.9')).toBe('let in')
  })

  test('from as many networks is looked up no oftener than is set, and what was accepted before is let in', async () => {
    const here = place()
    const used = here.mint()
    expect(await here.admit(used)).toBe('let in')
    const before = here.lookedUp()
    const began = performance.now()
    const codes = await Promise.all(Array.from({ length: 5_000 }, (_, index) => here.admit(junk(), network(index))))
    expect(new Set(codes)).toEqual(new Set(['unauthorized', 'tooManyRefused']))
    const seconds = Math.ceil((performance.now() - began) / 1_000)
    expect(here.lookedUp() - before).toBeLessThanOrEqual((seconds + 1) * limits.lookUps)
    expect([await here.admit(used), await here.admit(here.first)]).toEqual(['let in', 'let in'])
  })

  test('from one network keeps no token of another from being looked up for the first time', async () => {
    const here = place({ unproved: 1_000_000 })
    const good = here.mint()
    const flood = Promise.all(Array.from({ length: 1_000 }, () => here.admit(junk())))
    expect(await here.admit(good, '203.0.113.9')).toBe('let in')
    expect(new Set(await flood)).toEqual(new Set(['unauthorized', 'tooManyRefused']))
  })
})

test('tokens that turn out to be good use up nothing of what their network may try', async () => {
  const here = place({ lookUps: 1_000_000 })
  for (let time = 0; time < 3 * limits.unproved; time++) expect(await here.admit(here.mint())).toBe('let in')
  for (let time = 0; time < limits.unproved; time++) expect(await here.admit(junk())).toBe('unauthorized')
  expect(await here.admit(junk())).toBe('tooManyRefused')
})

test('a good token uses up nothing of it either, where its first calls come side by side', async () => {
  const here = place({ lookUps: 1_000_000 })
  const good = here.mint()
  const calls = await Promise.all(Array.from({ length: limits.unproved }, () => here.admit(good)))
  expect(new Set(calls)).toEqual(new Set(['let in']))
  for (let time = 0; time < limits.unproved; time++) expect(await here.admit(junk())).toBe('unauthorized')
  expect(await here.admit(junk())).toBe('tooManyRefused')
})
