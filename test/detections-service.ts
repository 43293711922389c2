import { z } from 'zod'
import {
  AUDIT,
  auditGroup,
  AuditModule,
  auditOperations,
  auditSchema,
  migrateAudit,
  observeDetections,
  readThresholds,
} from '#apps/audit/src/index'
import type { EventLog } from '#libs/eventlog/index'
import { type AnyEvent, defaultSettings, makeEvent, newId, type RequestDecided } from '#libs/events/index'
import { startTelemetry, type Telemetry } from '#libs/telemetry/index'
import { admitted, type FollowerService, startFollowerService } from './follower-service.ts'

export const minute = 60_000
export const hour = 60 * minute
export const day = 24 * hour

export type Facts = Partial<RequestDecided>

/** Whoever a test is about; no other test of its file is. */
export interface Who {
  readonly tenant: string
  readonly connection: string
  readonly kid: string
  readonly address: string
}

/** What a test may change. */
export interface Given {
  who: Who
  /** How many milliseconds the clock of the service is ahead. */
  late: number
}

/** The audit service, as far as it raises detections; the tests of one file share it. */
export interface DetectionsService {
  readonly given: Given
  /** A number that no other test has. */
  number(): number
  audit(): FollowerService
  log(): EventLog
  metrics(): Promise<string>
  readonly keeping: { readonly retention: number; readonly clock: () => Date }
  /** A request of `given.who` that was accepted now, but for what is told. */
  decision(facts?: Facts): RequestDecided
  tell(...facts: readonly Facts[]): Promise<void>
  /** Detections that the query selects: those of the tenant, unless told. */
  found(query?: Record<string, string>): Promise<z.infer<typeof detection>[]>
  rulesFound(): Promise<string[]>
  /** Of the tenant, in the order of the log. */
  raisedEvents(): Promise<{ version: number; payload: string }[]>
  /** Versions and names of what was told of one detection. */
  toldOf(detected: string): Promise<[version: number, name: string][]>
  /** All that is stored, told and shown of detections. */
  written(): Promise<{ rows: number; text: string }>
}

export const detection = z.object({
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
export const page = z.object({ items: z.array(detection), next: z.string().optional() })

/** Starts it before the tests of the file that calls this, and ends it after them, when nothing that is `written` must name a person or a client. */
export function detectionsService(): DetectionsService {
  let service: FollowerService
  let log: EventLog
  let telemetry: Telemetry
  let number = 0
  const given: Given = { who: someone(0), late: 0 }
  const clock = (): Date => new Date(Date.now() + given.late)
  const keeping = { retention: 400 * day, clock }
  const onFailure = (error: unknown): void => void process.stderr.write(`${String(error)}\n`)

  beforeAll(async () => {
    telemetry = await startTelemetry({ service: 'detections test' })
    service = await startFollowerService({
      module: (database, opened) => {
        log = opened
        const raised = observeDetections(database, telemetry, clock)
        const admission = admitted(database, auditSchema)
        const thresholds = readThresholds('{}')
        return AuditModule.with({ database, log, thresholds, raised, ...admission, ...keeping, onFailure })
      },
      prepare: (database) => migrateAudit(database, keeping),
      transportId: AUDIT,
      group: auditGroup,
      schema: auditSchema,
      operations: auditOperations,
    })
  }, 60_000)
  afterAll(async () => {
    const { text } = await written()
    await service.stop()
    await telemetry.shutdown()
    expect(text).not.toMatch(named)
  }, 60_000)
  beforeEach(() => {
    given.late = 0
    given.who = someone(++number)
  })

  const decision = (facts: Facts = {}): RequestDecided => {
    const { who } = given
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
      steps: ['key', 'signature'].map((step) => ({ step, decision: 'passed', microseconds: 1 })),
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
  const found: DetectionsService['found'] = async (query = { tenant: given.who.tenant }) => {
    const { status, body } = await service.ask('GET', `/admin/v1/detections?${new URLSearchParams(query).toString()}`)
    expect(status).toBe(200)
    return page.parse(body).items
  }
  async function written(): Promise<{ rows: number; text: string }> {
    const rows = await service.database.query<{ text: string }>(
      `SELECT row_to_json(told)::text AS text FROM audit.detection AS told
       UNION ALL SELECT row_to_json(told)::text FROM audit.watched AS told
       UNION ALL SELECT payload FROM event_log.event WHERE name = 'detection.raised'`,
    )
    const { body } = await service.ask('GET', '/admin/v1/detections?limit=200')
    return { rows: rows.length, text: [...rows.map(({ text }) => text), JSON.stringify(body)].join('\n') }
  }

  return {
    given,
    number: () => number,
    audit: () => service,
    log: () => log,
    metrics: () => telemetry.renderMetrics(),
    keeping,
    decision,
    tell: (...facts) => service.tell(...facts.map((each) => decided(decision(each)))),
    found,
    rulesFound: async () => (await found()).map(({ rule }) => rule).sort(),
    raisedEvents: () =>
      service.database.query(
        `SELECT version, payload FROM event_log.event WHERE name = 'detection.raised' AND strpos(payload, $1) > 0 ORDER BY position`,
        [`"${given.who.tenant}"`],
      ),
    async toldOf(detected) {
      const rows = await service.database.query<{ version: number; name: string }>(
        `SELECT version, name FROM event_log.event WHERE subject = $1 AND name LIKE 'detection.%' ORDER BY position`,
        [detected],
      )
      return rows.map(({ version, name }) => [version, name])
    },
    written,
  }
}

/** What names the person and the client of `decision`, or is a key. */
export const named = /ada@example|an IdP of|lk_(live|test)_\w{12}/

function someone(number: number): Who {
  return {
    tenant: `tenant-${number}`,
    connection: `connection-${number}`,
    kid: `kid-${number}`,
    address: `10.${number >> 8}.${number & 255}.7`,
  }
}

export function decided(payload: RequestDecided): AnyEvent {
  const origin = { source: 'gateway', subject: payload.requestId, owner: '', version: 1, time: new Date() } as const
  return makeEvent('request.decided', origin, payload)
}

/** On the way in. */
export const refused = (status: number, code: string, unproved: Facts = {}): Facts => ({
  outcome: 'refused',
  status,
  code,
  operation: null,
  steps: [{ step: 'key', decision: 'refused', code, microseconds: 1 }],
  ...unproved,
})
export const unproved = { kid: null }

export function connectionIs(
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
export function spread(facts: Facts, count: number, length: number, before = 2 * minute): Facts[] {
  const end = Date.now() - before
  return Array.from({ length: count }, (_, index) => ({
    ...facts,
    receivedAt: new Date(end - (length * index) / Math.max(1, count - 1)).toISOString(),
  }))
}
