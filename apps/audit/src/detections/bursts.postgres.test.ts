import { newId } from '#libs/events/index'
import {
  connectionIs,
  decided,
  detectionsService,
  type Facts,
  minute,
  refused,
  spread,
  unproved,
} from '#test/detections-service'
import { Detective } from '../detective.ts'
import { readThresholds } from './thresholds.ts'
import { type RuleCode, ruleCodes, ruleOf } from './rules.ts'

const { audit, decision, found, given, keeping, log, number, raisedEvents, rulesFound, tell } = detectionsService()

const isBurst = (code: RuleCode): boolean => ruleOf(code).kind === 'burst'

/** A key of another tenant, and the address of the connection of whoever the test is about. */
const foreign = () => ({
  tenant: `foreign-${number()}`,
  connection: `foreign-${number()}-c`,
  kid: `foreign-${number()}-k`,
})
const hers = (): string => `/scim/v2/${given.who.connection}/Users`

interface Case {
  readonly breaks: () => Facts
  /** Whatever else breaks it: each code and each verb that it names. */
  readonly others?: () => Facts[]
  readonly spares: () => Facts[]
}

/** What breaks each rule that requests break by themselves, and what comes near it and does not. */
const cases: Partial<Record<RuleCode, Case>> = {
  'key-guessing': {
    breaks: () => refused(401, 'key-bad-checksum', unproved),
    others: () => [refused(401, 'key-unknown', unproved), refused(429, 'too-many-bad-keys', unproved)],
    spares: () => [
      refused(401, 'key-missing', unproved),
      refused(401, 'key-other-scheme', unproved),
      refused(429, 'too-many-unknown-keys', unproved),
      refused(429, 'key-rate-exceeded', { ...unproved, alike: 1_000 }),
    ],
  },
  'wrong-secret': {
    breaks: () => refused(401, 'key-wrong-secret', unproved),
    spares: () => [refused(401, 'key-missing', unproved), {}],
  },
  'ended-key-used': {
    breaks: () => refused(401, 'key-revoked'),
    others: () => [refused(401, 'key-expired'), refused(401, 'key-cancelled')],
    spares: () => [refused(503, 'revocations-not-heard'), {}],
  },
  'replayed-nonce': {
    breaks: () => refused(401, 'signature-replayed'),
    spares: () => [refused(401, 'signature-wrong'), {}],
  },
  'connection-mismatch': {
    breaks: () => refused(403, 'key-of-another-connection', { path: '/scim/v2/elsewhere/Users' }),
    others: () => [refused(401, 'key-of-another-environment')],
    spares: () => [refused(403, 'connection-disabled'), {}],
  },
  'foreign-key': {
    breaks: () => ({ ...foreign(), ...refused(403, 'key-of-another-connection', { path: hers() }) }),
    spares: () => [
      refused(403, 'key-of-another-connection', { connection: 'another-of-hers', kid: 'kid-of-hers', path: hers() }),
      { ...foreign(), ...refused(403, 'key-of-another-connection', { path: '/scim/v2/nowhere/Users' }) },
      { ...foreign(), ...refused(401, 'key-revoked', { path: hers() }) },
    ],
  },
  'key-in-clear': {
    breaks: () => refused(403, 'key-in-clear'),
    spares: () => [refused(403, 'key-in-clear', { environment: 'sandbox' }), refused(403, 'plain-http', unproved)],
  },
  'live-key-at-sandbox': {
    breaks: () => refused(403, 'key-of-another-connection', { path: '/scim/v2/the-sandbox/Users' }),
    spares: () => [
      refused(403, 'key-of-another-connection', { path: '/scim/v2/the-live-one/Users' }),
      refused(403, 'key-of-another-connection', { path: '/scim/v2/the-sandbox/Users', environment: 'sandbox' }),
    ],
  },
  'read-sweep': {
    breaks: () => ({ operation: 'users.list', method: 'GET', status: 200, shown: 0 }),
    others: () => [
      { operation: 'users.read', method: 'GET', status: 200 },
      { operation: 'users.list', method: 'GET', status: 200, shown: 200 },
      { operation: 'groups.search', method: 'POST', status: 200, shown: 200 },
    ],
    spares: () => [
      { operation: 'groups.patch', method: 'PATCH', status: 200 },
      { operation: 'users.list', outcome: 'refused', status: 400 },
    ],
  },
  'mass-create': {
    breaks: () => ({ operation: 'users.create' }),
    spares: () => [
      { operation: 'users.create', dryRun: { changed: [], events: [] } },
      { operation: 'users.create', replayOf: newId() },
    ],
  },
  'mass-deprovision': {
    breaks: () => ({ operation: 'users.patch', status: 200, takesAway: true }),
    spares: () => [
      { operation: 'users.patch', status: 200, changed: ['active'] },
      { operation: 'groups.delete', status: 204 },
    ],
  },
  'clock-drift': {
    breaks: () => refused(401, 'signature-expired'),
    others: () => [refused(401, 'signature-too-old'), refused(401, 'signature-not-yet')],
    spares: () => [refused(401, 'signature-wrong'), {}],
  },
  'schema-deviations': {
    breaks: () => ({ deviations: [{ code: 'unknown-attribute', pointer: '/colour' }] }),
    spares: () => [
      {
        deviations: [{ code: 'operation-letter-case', pointer: '/Operations/0/op', quirk: 'entra-capital-operations' }],
      },
    ],
  },
}

/** Besides, what also stands in such a request: these are told apart by their own cases. */
const alsoBroken: Partial<Record<RuleCode, RuleCode[]>> = { 'live-key-at-sandbox': ['connection-mismatch'] }

beforeAll(async () => {
  await audit().tell(connectionIs('the-sandbox', 'sandbox'), connectionIs('the-live-one', 'live'))
})

beforeEach(() => audit().tell(connectionIs(given.who.connection, 'live', 'enabled', given.who.tenant)))

test('every rule that requests break by themselves has a case', () => {
  expect(Object.keys(cases).sort()).toEqual(ruleCodes.filter(isBurst).sort())
})

describe.each(ruleCodes.flatMap((code) => (cases[code] === undefined ? [] : [{ code, ...cases[code] }])))(
  '$code',
  ({ code, breaks, others, spares }) => {
    const rule = ruleOf(code)
    const { count, window, cause, fix, severity } = rule
    const subjectOf = (): object =>
      rule.kind === 'burst' && rule.of === 'key'
        ? { kind: 'key', id: given.who.kid }
        : { kind: 'connection', id: given.who.connection }

    it('is raised by as many requests as it takes, and told with cause and fix', async () => {
      await tell(...spread(breaks(), count, (window * 11) / 12 - 1_000))
      const [own, ...others] = (await found()).filter(({ rule }) => rule === code)
      expect(others).toEqual([])
      expect(own).toMatchObject({
        rule: code,
        state: 'open',
        count,
        raised: 1,
        cause,
        fix,
        severity,
        tenant: given.who.tenant,
      })
      expect(own?.subject).toEqual(subjectOf())
      expect(own?.requests).toHaveLength(Math.min(5, count))
      const events = (await raisedEvents()).map(({ payload }) => JSON.parse(payload))
      expect(events.filter(({ rule }) => rule === code)).toEqual([
        expect.objectContaining({ detection: own?.id, count, cause, fix, connection: given.who.connection }),
      ])
      expect(await rulesFound()).toEqual([code, ...(alsoBroken[code] ?? [])].sort())
    })

    if (others !== undefined) {
      const each = others().map((facts) => ({ facts, what: facts.code ?? `${facts.operation} of ${facts.shown ?? 1}` }))
      it.each(each)('is raised by $what too, and not by one too few', async ({ facts }) => {
        const all = spread(facts, Math.ceil(count / (facts.shown ?? 1)), window / 2)
        await tell(...all.slice(1))
        expect(await rulesFound()).toEqual([])
        await tell(...all.slice(0, 1))
        expect((await found()).map((own) => [own.rule, own.count])).toEqual([[code, count]])
      })
    }

    it('is not raised by what only comes near it', async () => {
      for (const near of spares()) await tell(...spread(near, count, window / 2))
      expect((await rulesFound()).filter((rule) => rule === code)).toEqual([])
    })

    if (count > 1) {
      it('is not raised by one too few, however often these are delivered', async () => {
        const events = spread(breaks(), count - 1, window / 2).map((each) => decided(decision(each)))
        await audit().tell(...events, ...events.slice(0, 50))
        await audit().tell(...events)
        expect(await rulesFound()).toEqual([])
      })

      it('is not raised by as many as it takes when the last of them comes a window after the others', async () => {
        await tell(...spread(breaks(), count - 1, window / 2, 2 * minute + window + window / 12))
        await tell(...spread(breaks(), 1, 0))
        expect(await rulesFound()).toEqual([])
      })
    }
  },
)

test('the last five requests are named, in however many batches they were heard', async () => {
  const { breaks } = cases['wrong-secret'] ?? {}
  if (breaks === undefined) throw new Error('there is such a rule')
  const { count, window } = ruleOf('wrong-secret')
  const all = spread(breaks(), count, window / 2)
  for (const one of all) await tell(one)
  const [own] = (await found()).filter(({ rule }) => rule === 'wrong-secret')
  expect(own).toMatchObject({ count })
  expect(own?.requests).toHaveLength(Math.min(5, count))
})

describe('a key where it does not belong is told of, for the key, in its own environment', () => {
  const elsewhere = (connection: string): Facts =>
    refused(403, 'key-of-another-connection', { path: `/scim/v2/${connection}/Users` })
  const exchanged = (client: string): Facts =>
    refused(401, 'key-of-another-connection', { path: '/oauth2/token', client })
  const cases: readonly [string, Facts, RuleCode[]][] = [
    ['a sandbox key at a live connection', { ...elsewhere('the-live-one'), environment: 'sandbox' }, []],
    ['a live key at a sandbox connection', elsewhere('the-sandbox'), ['live-key-at-sandbox']],
    ['a live key, to be exchanged, at a sandbox connection', exchanged('the-sandbox'), ['live-key-at-sandbox']],
    ['a live key, to be exchanged, at a live connection', exchanged('the-live-one'), []],
    // Those connections are of the tenant acme.
    ['a live key at a live connection of another tenant', elsewhere('the-live-one'), []],
    ['a sandbox key at another sandbox', { ...elsewhere('the-sandbox'), environment: 'sandbox' }, []],
    ['a live key at a connection that is not there', elsewhere('nowhere'), []],
    ['a live key that names the other environment', refused(401, 'key-of-another-environment'), []],
  ]
  it.each(cases)('%s', async (_what, facts, also) => {
    const environment = facts.environment ?? 'live'
    await tell(facts)
    expect(await rulesFound()).toEqual(['connection-mismatch', ...also])
    for (const own of await found()) {
      expect(own).toMatchObject({
        subject: { kind: 'key', id: given.who.kid },
        tenant: given.who.tenant,
        connection: given.who.connection,
        environment,
      })
    }
    const events = (await raisedEvents()).map(({ payload }) => JSON.parse(payload))
    expect(events.map((payload) => payload.environment)).toEqual(
      ['connection-mismatch', ...also].map(() => environment),
    )
    const listed = async (asked: string) => (await found({ tenant: given.who.tenant, environment: asked })).length
    expect(await listed(environment)).toBe(1 + also.length)
    expect(await listed(environment === 'live' ? 'sandbox' : 'live')).toBe(0)
  })
})

describe('a key of another tenant', () => {
  const ways: readonly [string, { readonly path?: string; readonly client?: () => string; readonly code?: string }][] =
    [
      ['', {}],
      [', to be exchanged,', { path: '/oauth2/token', client: () => given.who.connection }],
      [' that names the other environment', { code: 'key-of-another-environment' }],
    ]
  it.each(ways)(
    '%s is told of on both sides, to the owner of the connection without anything of whose it is',
    async (_, { client, path = hers(), code = 'key-of-another-connection' }) => {
      const sent = foreign()
      await tell({ ...sent, ...refused(403, code, { path, ...(client === undefined ? {} : { client: client() }) }) })
      const told = await found()
      expect(told).toMatchObject([
        {
          rule: 'foreign-key',
          subject: { kind: 'connection', id: given.who.connection },
          connection: given.who.connection,
          environment: 'live',
          count: 1,
        },
      ])
      const events = await raisedEvents()
      expect(events).toHaveLength(1)
      for (const word of [sent.tenant, sent.connection, sent.kid, given.who.address, given.who.kid])
        expect(JSON.stringify([told, events])).not.toContain(word)
      expect(await found({ tenant: sent.tenant })).toMatchObject([
        { rule: 'connection-mismatch', subject: { kind: 'key', id: sent.kid }, connection: sent.connection },
      ])
    },
  )

  it('is no use of the connection that it was tried at', async () => {
    const state = async () => {
      const rows = await audit().database.query<{ state: string; silent_from: Date | null }>(
        `SELECT state, silent_from FROM audit.watched WHERE kind = 'connection' AND id = $1`,
        [given.who.connection],
      )
      return rows.map(({ state: text, silent_from }) => [JSON.parse(text).traffic, silent_from])
    }
    const before = await state()
    await tell({ ...foreign(), ...refused(403, 'key-of-another-connection', { path: hers() }) })
    expect(await state()).toEqual(before)
  })
})

describe('a refusal that stands for others which left no record', () => {
  const flood = (alike: number): Facts => refused(429, 'too-many-bad-keys', { ...unproved, alike })
  const guessing = async () => (await found()).find(({ rule }) => rule === 'key-guessing')

  it('counts as all of them, and once', async () => {
    await tell(flood(18))
    expect(await rulesFound()).toEqual([])
    await tell(flood(0))
    expect(await guessing()).toMatchObject({ count: 20, raised: 1, requests: [expect.any(String), expect.any(String)] })
    const more = decided(decision(flood(499)))
    await audit().tell(more, more)
    await audit().tell(more)
    expect(await guessing()).toMatchObject({ count: 520, raised: 1 })
  })

  it('raises by itself what so many raise', async () => {
    await tell(flood(19))
    const detection = await guessing()
    expect(detection).toMatchObject({ count: 20, requests: [expect.any(String)] })
    const [event] = await raisedEvents()
    expect(JSON.parse(event?.payload ?? '{}')).toMatchObject({ detection: detection?.id, count: 20 })
  })

  it('counts beside those that left theirs', async () => {
    await tell(...spread(refused(401, 'key-unknown', unproved), 15, minute))
    await tell(flood(3))
    expect(await rulesFound()).toEqual([])
    await tell(flood(5))
    expect(await guessing()).toMatchObject({ count: 25 })
  })

  it.each<[RuleCode, string, Facts]>([
    ['wrong-secret', 'key-wrong-secret', unproved],
    ['clock-drift', 'signature-expired', {}],
  ])('counts so for %s too', async (rule, code, facts) => {
    const { count } = ruleOf(rule)
    await tell(refused(401, code, { ...facts, alike: count - 2 }))
    expect(await rulesFound()).toEqual([])
    await tell(refused(401, code, { ...facts, alike: 6 }))
    expect((await found()).find((one) => one.rule === rule)).toMatchObject({ count: count + 6 })
  })
})

test('many gateways tell of one burst, side by side, late and twice: it is counted once', async () => {
  const gateways = 4
  const told = spread(refused(401, 'key-wrong-secret', unproved), 40, 3 * minute).map((each) => decided(decision(each)))
  const others = spread({ operation: 'users.create' }, 40, 3 * minute).map((each) => decided(decision(each)))
  const shares = Array.from({ length: gateways }, (_, gateway) =>
    told.flatMap((event, index) => (index % gateways === gateway ? [event, others[index] ?? event] : [])),
  )
  for (const share of [shares[2], shares[0], shares[2], shares[3], shares[1], shares[0]])
    await audit().tell(...(share ?? []))
  expect((await found()).map(({ rule, count, raised }) => ({ rule, count, raised }))).toEqual([
    { rule: 'wrong-secret', count: 40, raised: 1 },
  ])
  expect(await raisedEvents()).toHaveLength(1)
})

test('processes of one group that hear a share of a burst each, at once, raise it once', async () => {
  const told = spread(refused(401, 'key-wrong-secret', unproved), 5, minute).map((each) => decision(each))
  const detective = new Detective({
    log: log(),
    thresholds: readThresholds('{}'),
    clock: keeping.clock,
    raised: () => {},
  })
  await Promise.all(
    told.map((each) => audit().database.transaction((transaction) => detective.decided(transaction, [each]))),
  )
  expect(await found()).toMatchObject([{ rule: 'wrong-secret', count: 5, raised: 1 }])
  expect(await raisedEvents()).toHaveLength(1)
})

test('where no connection is known, the address stands for it, of IPv6 with the network that it chooses from', async () => {
  const nobody = { tenant: null, connection: null, kid: null }
  const address = (last: number) => `2001:db8:${number().toString(16)}:1::${last}`
  const facts = spread(refused(401, 'key-unknown', nobody), 20, minute)
  await tell(...facts.map((each, index) => ({ ...each, address: address(index + 1) })))
  const [own] = (await found({ tenant: '' })).filter(({ subject }) =>
    subject.id.startsWith(`2001:db8:${number().toString(16)}:`),
  )
  expect(own).toMatchObject({ rule: 'key-guessing', tenant: null, connection: null, count: 20 })
  expect(own?.subject).toEqual({ kind: 'address', id: `2001:db8:${number().toString(16)}:1::/64` })
})
