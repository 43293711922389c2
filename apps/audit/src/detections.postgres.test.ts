import { z } from 'zod'
import type { EventLog } from '#libs/eventlog/index'
import { type AnyEvent, defaultSettings, makeEvent, newId, type RequestDecided } from '#libs/events/index'
import { startTelemetry } from '#libs/telemetry/index'
import { admitted, type FollowerService, startFollowerService } from '#test/follower-service'
import { type RuleCode, ruleCodes, ruleOf } from './detections/rules.ts'
import { Detective } from './detective.ts'
import { forgetOld } from './store/forget.ts'
import {
  AUDIT,
  auditGroup,
  AuditModule,
  auditOperations,
  auditSchema,
  migrateAudit,
  observeDetections,
  readThresholds,
} from './index.ts'

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour

let audit: FollowerService
let log: EventLog
let late = 0
const clock = (): Date => new Date(Date.now() + late)
const keeping = { retention: 400 * day, clock }
const telemetry = await startTelemetry({ service: 'detections test' })
const failed = (error: unknown): void => void process.stderr.write(`${String(error)}\n`)
const raisedRules: string[] = []

beforeAll(async () => {
  audit = await startFollowerService({
    module: (database, opened) => {
      log = opened
      const counted = observeDetections(database, telemetry, clock)
      const raised = (rule: RuleCode): void => {
        raisedRules.push(rule)
        counted(rule)
      }
      const parts = {
        database,
        log,
        thresholds: readThresholds('{}'),
        raised,
        ...admitted(database, auditSchema),
        ...keeping,
      }
      return AuditModule.with({ ...parts, onFailure: failed })
    },
    prepare: (database) => migrateAudit(database, keeping),
    transportId: AUDIT,
    group: auditGroup,
    schema: auditSchema,
    operations: auditOperations,
  })
}, 60_000)
afterAll(async () => {
  await audit.stop()
  await telemetry.shutdown()
}, 60_000)

/** Whoever a test is about; no other test is. */
interface Who {
  readonly tenant: string
  readonly connection: string
  readonly kid: string
  readonly address: string
}

let people = 0
let who: Who
beforeEach(() => {
  late = 0
  const number = ++people
  who = {
    tenant: `tenant-${number}`,
    connection: `connection-${number}`,
    kid: `kid-${number}`,
    address: `10.${number >> 8}.${number & 255}.7`,
  }
})

type Facts = Partial<RequestDecided>

function decision(facts: Facts = {}): RequestDecided {
  return {
    requestId: newId(),
    surface: 'scim',
    tenant: who.tenant,
    connection: who.connection,
    environment: 'live',
    identityProvider: 'okta',
    kid: who.kid,
    method: 'POST',
    path: `/scim/v2/${who.connection}/Groups`,
    operation: 'groups.create',
    address: who.address,
    userAgent: 'an IdP of ada@example.com',
    steps: [],
    outcome: 'accepted',
    status: 201,
    code: null,
    detail: null,
    subject: { kind: 'user', id: 'ada@example.com' },
    changed: [],
    events: [],
    deviations: [],
    receivedAt: new Date().toISOString(),
    microseconds: 900,
    traceId: '0af7651916cd43dd8448eb211c80319c',
    ...facts,
  }
}

function decided(payload: RequestDecided): AnyEvent {
  const origin = { source: 'gateway', subject: payload.requestId, owner: '', version: 1, time: new Date() } as const
  return makeEvent('request.decided', origin, payload)
}

const tell = (...facts: readonly Facts[]): Promise<void> => audit.tell(...facts.map((each) => decided(decision(each))))

const refused = (status: number, code: string, unproved: Facts = {}): Facts => ({
  outcome: 'refused',
  status,
  code,
  operation: null,
  ...unproved,
})
const unproved = { kid: null }

function connectionIs(
  connection: string,
  environment: 'live' | 'sandbox',
  state: 'enabled' | 'disabled' = 'enabled',
  tenant = 'acme',
  { time, version } = { time: new Date(), version: 1 },
): AnyEvent {
  const origin = { source: 'keys', subject: connection, owner: 'acme', version, time } as const
  return makeEvent('connection.changed', origin, {
    tenant,
    connection,
    name: 'here',
    environment,
    identityProvider: 'okta',
    state,
    settings: defaultSettings,
    schemas: [],
    changed: ['state'],
  })
}

/** So many of one thing, evenly in a time that ended some minutes ago. */
function spread(facts: Facts, count: number, length: number, before = 2 * minute): Facts[] {
  const end = Date.now() - before
  return Array.from({ length: count }, (_, index) => ({
    ...facts,
    receivedAt: new Date(end - (length * index) / Math.max(1, count - 1)).toISOString(),
  }))
}

const detection = z.object({
  id: z.string(),
  rule: z.string(),
  severity: z.string(),
  state: z.string(),
  tenant: z.string().nullable(),
  connection: z.string().nullable(),
  environment: z.enum(['live', 'sandbox']).nullable(),
  subject: z.object({ kind: z.string(), id: z.string() }),
  count: z.number(),
  raised: z.number(),
  requests: z.array(z.string()),
  mutedUntil: z.string().nullable(),
  cause: z.string(),
  fix: z.string(),
  firstSeen: z.string(),
  lastSeen: z.string(),
})
const page = z.object({ items: z.array(detection), next: z.string().optional() })

async function found(query: Record<string, string> = { tenant: who.tenant }) {
  const { status, body } = await audit.ask('GET', `/admin/v1/detections?${new URLSearchParams(query).toString()}`)
  expect(status).toBe(200)
  return page.parse(body).items
}

const rulesFound = async (): Promise<string[]> => (await found()).map(({ rule }) => rule).sort()

async function raisedEvents(): Promise<{ version: number; payload: string }[]> {
  return audit.database.query(
    `SELECT version, payload FROM event_log.event WHERE name = 'detection.raised' AND strpos(payload, $1) > 0 ORDER BY position`,
    [`"${who.tenant}"`],
  )
}

async function toldOf(detected: string): Promise<[version: number, name: string][]> {
  const rows = await audit.database.query<{ version: number; name: string }>(
    `SELECT version, name FROM event_log.event WHERE subject = $1 AND name LIKE 'detection.%' ORDER BY position`,
    [detected],
  )
  return rows.map(({ version, name }) => [version, name])
}

const isBurst = (code: RuleCode): boolean => ruleOf(code).kind === 'burst'

/** What breaks each rule that requests break by themselves, and what comes near it and does not. */
const cases: Partial<Record<RuleCode, { readonly breaks: () => Facts; readonly spares: () => Facts[] }>> = {
  'key-guessing': {
    breaks: () => refused(401, 'key-bad-checksum', unproved),
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
    spares: () => [refused(503, 'revocations-not-heard'), {}],
  },
  'replayed-nonce': {
    breaks: () => refused(401, 'signature-replayed'),
    spares: () => [refused(401, 'signature-wrong'), {}],
  },
  'connection-mismatch': {
    breaks: () => refused(403, 'key-of-another-connection', { path: '/scim/v2/elsewhere/Users' }),
    spares: () => [refused(403, 'connection-disabled'), {}],
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
    breaks: () => ({ operation: 'users.list', method: 'GET', status: 200 }),
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
  await audit.tell(connectionIs('the-sandbox', 'sandbox'), connectionIs('the-live-one', 'live'))
})

test('every rule that requests break by themselves has a case', () => {
  expect(Object.keys(cases).sort()).toEqual(ruleCodes.filter(isBurst).sort())
})

describe.each(ruleCodes.flatMap((code) => (cases[code] === undefined ? [] : [{ code, ...cases[code] }])))(
  '$code',
  ({ code, breaks, spares }) => {
    const rule = ruleOf(code)
    const { count, window, cause, fix, severity } = rule
    const subjectOf = (): object =>
      rule.kind === 'burst' && rule.of === 'key'
        ? { kind: 'key', id: who.kid }
        : { kind: 'connection', id: who.connection }

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
        tenant: who.tenant,
      })
      expect(own?.subject).toEqual(subjectOf())
      expect(own?.requests).toHaveLength(Math.min(5, count))
      const events = (await raisedEvents()).map(({ payload }) => JSON.parse(payload))
      expect(events.filter(({ rule }) => rule === code)).toEqual([
        expect.objectContaining({ detection: own?.id, count, cause, fix, connection: who.connection }),
      ])
      expect(await rulesFound()).toEqual([code, ...(alsoBroken[code] ?? [])].sort())
    })

    it('is not raised by what only comes near it', async () => {
      for (const near of spares()) await tell(...spread(near, count, window / 2))
      expect((await rulesFound()).filter((rule) => rule === code)).toEqual([])
    })

    if (count > 1) {
      it('is not raised by one too few, however often these are delivered', async () => {
        const events = spread(breaks(), count - 1, window / 2).map((each) => decided(decision(each)))
        await audit.tell(...events, ...events.slice(0, 50))
        await audit.tell(...events)
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
        subject: { kind: 'key', id: who.kid },
        tenant: who.tenant,
        connection: who.connection,
        environment,
      })
    }
    const events = (await raisedEvents()).map(({ payload }) => JSON.parse(payload))
    expect(events.map((payload) => payload.environment)).toEqual(
      ['connection-mismatch', ...also].map(() => environment),
    )
    const listed = async (asked: string) => (await found({ tenant: who.tenant, environment: asked })).length
    expect(await listed(environment)).toBe(1 + also.length)
    expect(await listed(environment === 'live' ? 'sandbox' : 'live')).toBe(0)
  })
})

describe('a refusal that stands for others which left no record', () => {
  const flood = (alike: number): Facts => refused(429, 'too-many-bad-keys', { ...unproved, alike })
  const guessing = async () => (await found()).find(({ rule }) => rule === 'key-guessing')

  it('counts as all of them, and once', async () => {
    await tell(flood(18))
    expect(await rulesFound()).toEqual([])
    await tell(flood(0))
    expect(await guessing()).toMatchObject({ count: 20, raised: 1, requests: [expect.any(String)] })
    const more = decided(decision(flood(499)))
    await audit.tell(more, more)
    await audit.tell(more)
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
    await audit.tell(...(share ?? []))
  expect((await found()).map(({ rule, count, raised }) => ({ rule, count, raised }))).toEqual([
    { rule: 'wrong-secret', count: 40, raised: 1 },
  ])
  expect(await raisedEvents()).toHaveLength(1)
})

test('processes of one group that hear a share of a burst each, at once, raise it once', async () => {
  const told = spread(refused(401, 'key-wrong-secret', unproved), 5, minute).map((each) => decision(each))
  const detective = new Detective({ log, thresholds: readThresholds('{}'), clock, raised: () => {} })
  await Promise.all(
    told.map((each) => audit.database.transaction((transaction) => detective.decided(transaction, [each]))),
  )
  expect(await found()).toMatchObject([{ rule: 'wrong-secret', count: 5, raised: 1 }])
  expect(await raisedEvents()).toHaveLength(1)
})

test('where no connection is known, the address stands for it, of IPv6 with the network that it chooses from', async () => {
  const nobody = { tenant: null, connection: null, kid: null }
  const address = (last: number) => `2001:db8:${people.toString(16)}:1::${last}`
  const facts = spread(refused(401, 'key-unknown', nobody), 20, minute)
  await tell(...facts.map((each, index) => ({ ...each, address: address(index + 1) })))
  const [own] = (await found({ tenant: '' })).filter(({ subject }) =>
    subject.id.startsWith(`2001:db8:${people.toString(16)}:`),
  )
  expect(own).toMatchObject({ rule: 'key-guessing', tenant: null, connection: null, count: 20 })
  expect(own?.subject).toEqual({ kind: 'address', id: `2001:db8:${people.toString(16)}:1::/64` })
})

describe('networks of a key', () => {
  const from = (address: string, before: number): Facts => ({
    address,
    receivedAt: new Date(Date.now() - before).toISOString(),
  })

  it('the very first is nothing new, nor is another address of it', async () => {
    await tell(from('192.0.2.7', 90 * minute))
    await tell(from('192.0.2.200', 60 * minute), from('192.0.2.7', 5 * minute))
    expect(await rulesFound()).toEqual([])
  })

  it('a further one is told once', async () => {
    await tell(from('192.0.2.7', 90 * minute))
    await tell(from('198.51.100.1', 60 * minute))
    await tell(from('192.0.2.7', 30 * minute))
    await tell(from('198.51.100.1', 5 * minute))
    expect(await found()).toMatchObject([{ rule: 'new-network', count: 1, subject: { kind: 'key', id: who.kid } }])
  })

  it('two within minutes are told, in whatever order they are heard of', async () => {
    await tell(from('192.0.2.7', 90 * minute), from('198.51.100.1', 70 * minute))
    expect(await rulesFound()).toEqual(['new-network'])
    await tell(from('192.0.2.7', 20 * minute))
    await tell(from('198.51.100.1', 29 * minute))
    expect(await rulesFound()).toEqual(['new-network', 'several-networks'])
  })

  it('two further apart are not, nor two of different keys', async () => {
    await tell(from('192.0.2.7', 90 * minute), from('198.51.100.1', 79 * minute))
    await tell({ ...from('203.0.113.1', 79 * minute), kid: `${who.kid}-other` })
    expect(await rulesFound()).toEqual(['new-network'])
  })
})

describe('a key whose place another took', () => {
  const rotation = (before: number, id = crypto.randomUUID()) => {
    const time = new Date(Date.now() - before)
    const origin = (version: number) => ({ source: 'keys', subject: id, owner: who.connection, version, time }) as const
    const named = { tenant: who.tenant, connection: who.connection, rotation: id, from: who.kid, to: `${who.kid}-next` }
    const use = { at: time.toISOString(), address: '192.0.2.7', userAgent: null }
    return {
      cutOver: makeEvent('rotation.cut-over', origin(2), { ...named, firstUse: use, lastUse: null, until: use.at }),
      finished: makeEvent('rotation.finished', origin(3), {
        ...named,
        by: 'operator',
        outcome: 'old-ended-by-operator',
        lastUse: null,
      }),
      cancelled: makeEvent('rotation.cancelled', origin(3), { ...named, by: 'operator', outcome: 'new-revoked' }),
    }
  }

  it('is told of when it is still used an hour later', async () => {
    await tell({})
    await audit.tell(rotation(2 * hour).cutOver)
    await tell({})
    expect(await found()).toMatchObject([
      { rule: 'retiring-key-used', subject: { kind: 'key', id: who.kid }, count: 1 },
    ])
  })

  it('is not within that hour, nor another key, nor once it is accepted no more', async () => {
    await audit.tell(rotation(hour / 2).cutOver)
    await tell({}, { kid: `${who.kid}-next` })
    const ended = rotation(3 * hour)
    await audit.tell(ended.cutOver, ended.finished)
    await tell(refused(401, 'key-revoked'))
    expect(await rulesFound()).toEqual(['ended-key-used'])
  })

  it('is not once the new key was revoked and it is the one that is left, but is again when another takes its place', async () => {
    const brokenOff = rotation(5 * hour)
    await audit.tell(brokenOff.cutOver, brokenOff.cancelled)
    await tell({})
    expect(await rulesFound()).toEqual([])
    await audit.tell(rotation(2 * hour).cutOver, rotation(5 * hour).cancelled)
    await tell({})
    expect(await rulesFound()).toEqual(['retiring-key-used'])
  })
})

describe('silence', () => {
  const lookAt = (instant: number): Promise<void> =>
    new Detective({
      log,
      thresholds: readThresholds('{}'),
      clock: () => new Date(instant),
      raised: (rule) => void raisedRules.push(rule),
    }).lookForSilence(audit.database)

  /** A request every two hours for so many days, the last of them a day ago. */
  async function traffic(days: number): Promise<number> {
    const last = Date.now() - day
    const requests = Array.from({ length: days * 12 }, (_, index): Facts => {
      return { receivedAt: new Date(last - index * 2 * hour).toISOString() }
    })
    await tell(...requests)
    return last
  }

  it('is told once it is longer than three times the usual pause, and once only', async () => {
    const last = await traffic(5)
    await audit.tell(connectionIs(who.connection, 'sandbox', 'enabled', who.tenant))
    await lookAt(last + 6 * hour)
    expect(await rulesFound()).toEqual([])
    await lookAt(last + 6 * hour + 1)
    await lookAt(last + 20 * hour)
    const [own, ...others] = await found()
    expect(others).toEqual([])
    const subject = { kind: 'connection', id: who.connection }
    expect(own).toMatchObject({ rule: 'silence', subject, environment: 'sandbox', count: 1 })
    expect(own?.firstSeen).toBe(new Date(last).toISOString())
    expect(await raisedEvents()).toHaveLength(1)
  })

  it('is not told of a connection that is new, was heard of since, or is disabled', async () => {
    const tenant = who.tenant
    await traffic(1)
    who = { ...who, connection: `${tenant}-b` }
    const last = await traffic(5)
    await tell({ receivedAt: new Date(last + 5 * hour).toISOString() })
    who = { ...who, connection: `${tenant}-c` }
    await traffic(5)
    await audit.tell(connectionIs(who.connection, 'live', 'disabled'))
    await lookAt(last + 7 * hour)
    expect(await found({ tenant })).toEqual([])
  })

  it('is told of a connection that is enabled again only once it is as long from then on', async () => {
    const last = await traffic(5)
    const is = (state: 'enabled' | 'disabled', at: number, version: number) =>
      connectionIs(who.connection, 'live', state, who.tenant, { time: new Date(at), version })
    await audit.tell(is('disabled', last, 2))
    await audit.tell(is('enabled', last + 10 * hour, 3))
    await lookAt(last + 16 * hour)
    expect(await rulesFound()).toEqual([])
    await lookAt(last + 16 * hour + 1)
    expect(await rulesFound()).toEqual(['silence'])
  })

  it('is not told beyond what has been followed', async () => {
    const last = await traffic(5)
    await audit.database.query(
      `INSERT INTO audit.followed (follower, place, up_to) VALUES ('audit other/1', '{}', $1)`,
      [new Date(last + hour)],
    )
    await lookAt(last + 20 * hour)
    expect(await rulesFound()).toEqual([])
    await audit.database.query(`DELETE FROM audit.followed WHERE follower = 'audit other/1'`)
  })

  it('of several processes that look at once tells it once', async () => {
    const last = await traffic(5)
    await Promise.all(Array.from({ length: 4 }, () => lookAt(last + 7 * hour)))
    expect(await raisedEvents()).toHaveLength(1)
  })
})

describe('what a person does', () => {
  const wrong = (count = 5): Promise<void> =>
    tell(...spread(refused(401, 'key-wrong-secret', unproved), count, minute, 0))
  const one = async () => {
    const [own, ...others] = await found()
    expect(others).toEqual([])
    if (own === undefined) throw new Error('nothing was raised')
    return own
  }
  const act = async (id: string, act: string, body?: object) => {
    const { status, body: answer } = await audit.ask('POST', `/admin/v1/detections/${id}/${act}`, body)
    expect(status).toBe(200)
    return detection.parse(answer)
  }

  it('an open one counts on and is not raised again', async () => {
    await wrong()
    await wrong(3)
    expect(await one()).toMatchObject({ state: 'open', count: 8, raised: 1 })
  })

  it('an acknowledged one is raised anew after a day without it, with a count of its own', async () => {
    await wrong()
    const { id } = await one()
    expect(await act(id, 'acknowledge')).toMatchObject({ state: 'acknowledged' })
    await wrong(2)
    expect(await one()).toMatchObject({ id, state: 'acknowledged', count: 7, raised: 1 })
    await audit.database.query(`UPDATE audit.detection SET last_seen = last_seen - interval '25 hours' WHERE id = $1`, [
      id,
    ])
    await wrong(5)
    expect(await one()).toMatchObject({ id, state: 'open', raised: 2 })
    expect(await toldOf(id)).toEqual([
      [1, 'detection.raised'],
      [2, 'detection.acknowledged'],
      [3, 'detection.raised'],
    ])
  })

  it('a muted one counts on in silence, for its time', async () => {
    await wrong()
    const { id } = await one()
    expect(await act(id, 'mute', { for: '8h' })).toMatchObject({ state: 'muted' })
    await wrong()
    expect(await one()).toMatchObject({ state: 'muted', count: 10, raised: 1 })
    late = 8 * hour
    expect(await one()).toMatchObject({ state: 'open' })
    await wrong()
    expect(await one()).toMatchObject({ state: 'open', raised: 2 })
  })

  it('one that is muted for good is so until it is unmuted', async () => {
    await wrong()
    const { id } = await one()
    expect(await act(id, 'mute')).toMatchObject({ state: 'muted', mutedUntil: null })
    late = 1000 * day
    expect(await one()).toMatchObject({ state: 'muted' })
    late = 0
    expect(await act(id, 'unmute')).toMatchObject({ state: 'open' })
    await wrong()
    expect(await one()).toMatchObject({ state: 'open', raised: 2 })
  })

  it('is told once: what is so already is left alone, and answered alike', async () => {
    await wrong()
    const { id } = await one()
    const twice = async (name: string, body?: object) => {
      const first = await act(id, name, body)
      expect(await act(id, name, body)).toEqual(first)
    }
    await twice('unmute')
    await twice('acknowledge')
    await twice('mute')
    await twice('unmute')
    await act(id, 'mute', { for: '1h' })
    await twice('acknowledge')
    expect((await toldOf(id)).map(([, name]) => name)).toEqual([
      'detection.raised',
      'detection.acknowledged',
      'detection.muted',
      'detection.unmuted',
      'detection.muted',
      'detection.acknowledged',
    ])
  })

  it('is recorded with the detection, once', async () => {
    await wrong()
    const { id } = await one()
    await act(id, 'mute', { for: '1h' })
    await audit.ask('POST', `/admin/v1/detections/${newId()}/acknowledge`)
    await audit.ask('GET', `/admin/v1/detections/${id}`)
    await audit.tell()
    const read = async () =>
      z
        .object({ items: z.array(z.looseObject({ operation: z.string(), outcome: z.string(), subject: z.unknown() })) })
        .parse((await audit.ask('GET', `/audit/v1/records?surface=admin&tenant=${who.tenant}`)).body)
        .items.map(({ operation, outcome, subject }) => ({ operation, outcome, subject }))
    const subject = { kind: 'detection', id }
    const expected = [
      { operation: 'detections.read', outcome: 'accepted', subject },
      { operation: 'detections.mute', outcome: 'accepted', subject },
    ]
    for (let tries = 0; tries < 100 && (await read()).length < expected.length; tries++)
      await new Promise((resolve) => setTimeout(resolve, 20))
    expect(await read()).toEqual(expected)
  })

  it('what cannot be is a problem that says why', async () => {
    expect((await audit.ask('GET', '/admin/v1/detections/none')).status).toBe(404)
    expect((await audit.ask('GET', '/admin/v1/detections?rule=none')).status).toBe(422)
    expect((await audit.ask('GET', '/admin/v1/detections?environment=both')).status).toBe(422)
    await wrong()
    const { id } = await one()
    expect((await audit.ask('POST', `/admin/v1/detections/${id}/mute`, { for: 'long' })).status).toBe(422)
  })
})

test('the list is filtered, and its pages lose and repeat nothing', async () => {
  for (const connection of ['a', 'b', 'c']) {
    who = { ...who, connection: `${who.tenant}-${connection}`, kid: `${who.tenant}-${connection}` }
    await tell(refused(401, 'key-revoked'), refused(401, 'signature-replayed'))
  }
  const { tenant } = who
  const seen: string[] = []
  let after = ''
  do {
    const { body } = await audit.ask('GET', `/admin/v1/detections?tenant=${tenant}&limit=4${after}`)
    const { items, next } = page.parse(body)
    seen.push(...items.map(({ id }) => id))
    after = next === undefined ? '' : `&after=${next}`
  } while (after !== '')
  expect(new Set(seen).size).toBe(6)
  expect(seen).toHaveLength(6)
  expect(await found({ tenant, rule: 'replayed-nonce' })).toHaveLength(3)
  expect(await found({ tenant, connection: `${tenant}-a` })).toHaveLength(2)
  expect(await found({ tenant, state: 'muted' })).toEqual([])
  expect(await found({ tenant, state: 'open' })).toHaveLength(6)
})

test('no person and no client is named in what is raised, stored or measured', async () => {
  await tell(...spread(refused(401, 'key-wrong-secret', unproved), 5, minute))
  const rows = await audit.database.query<{ text: string }>(
    `SELECT row_to_json(told)::text AS text FROM audit.detection AS told
     UNION ALL SELECT row_to_json(told)::text FROM audit.watched AS told
     UNION ALL SELECT payload FROM event_log.event WHERE name = 'detection.raised'`,
  )
  expect(rows.length).toBeGreaterThan(10)
  const { body } = await audit.ask('GET', '/admin/v1/detections?limit=200')
  const shown = [...rows.map(({ text }) => text), JSON.stringify(body)].join('\n')
  expect(shown).not.toMatch(/ada@example|an IdP of|lk_(live|test)_/)
  const measured = await telemetry.renderMetrics()
  expect(measured).toMatch(/latchkey_detections_total\{[^}]*rule="wrong-secret"[^}]*\} [1-9]/)
  expect(measured).toMatch(/latchkey_detections_open\{[^}]*rule="silence"[^}]*\} \d/)
  const own = measured.split('\n').filter((line) => line.startsWith('latchkey_detections'))
  expect(own.join('\n')).not.toMatch(/tenant-\d|connection-\d|kid-\d|10\.\d|192\.0/)
})

test('what is long past is forgotten: addresses after a day, the rest with the trail, but not what is muted for good', async () => {
  const nobody = { tenant: null, connection: null, kid: null, address: `172.16.0.${people % 250}` }
  await tell(refused(401, 'key-unknown', nobody), refused(401, 'signature-replayed'), refused(401, 'key-revoked'))
  const [muted] = await found({ tenant: who.tenant, rule: 'ended-key-used' })
  await audit.ask('POST', `/admin/v1/detections/${muted?.id}/mute`)
  const left = async () => {
    const watched = await audit.database.query<{ kind: string }>(
      'SELECT kind FROM audit.watched WHERE id = ANY($1) ORDER BY kind',
      [[nobody.address, who.kid]],
    )
    return [...watched.map(({ kind }) => kind), ...(await rulesFound())]
  }
  const forgetAt = (days: number): Promise<void> =>
    forgetOld(audit.database, { ...keeping, clock: () => new Date(Date.now() + days * day) })
  await forgetAt(0.9)
  expect(await left()).toEqual(['address', 'key', 'ended-key-used', 'replayed-nonce'])
  await forgetAt(1.1)
  expect(await left()).toEqual(['key', 'ended-key-used', 'replayed-nonce'])
  await forgetAt(401)
  expect(await left()).toEqual(['ended-key-used'])
})
