import { randomBytes } from 'node:crypto'
import { jest } from '@jest/globals'
import { eventNames, logMarked, markName, readEvent, topicNames } from '#libs/events/index'
import { type TestDatabase, testDatabase } from '../servers/postgres.ts'
import { type PublishedRecord, readPublished } from '../servers/published-events.ts'
import { allHaveFollowed, environmentOf, type Servers, urlOf } from './installation.ts'
import { type OtlpSink, startOtlpSink } from './otlp-sink.ts'
import { type Answer, ask, Ground, newUser, type Program, user } from './running-program.ts'

jest.setTimeout(180_000)

const ground = new Ground()
let database: TestDatabase
let servers: Servers
let sink: OtlpSink
let program: Program

beforeAll(async () => {
  const { TEST_KAFKA_BROKERS: brokers = '', TEST_REDIS_URL: redis = '' } = process.env
  database = await testDatabase()
  sink = await startOtlpSink()
  servers = { database: database.url, brokers, redis, prefix: `test-${crypto.randomUUID()}` }
  const env = { ...environmentOf(servers), OTEL_EXPORTER_OTLP_ENDPOINT: sink.url }
  program = await ground.start(ground.folder(), env, 'distributed')
})

afterAll(async () => {
  await ground.end()
  await sink.stop()
  await database.drop()
})

const connection = (): string => program.scimBaseUrl.split('/').at(-1) ?? ''

function admin(method: string, path: string, body?: object, headers: Record<string, string> = {}): Promise<Answer> {
  const url = `${urlOf(program, 'keys')}/admin/v1${path}`
  return ask(url, { method, token: program.adminToken, headers, ...(body === undefined ? {} : { body }) })
}

function restore(id: string): Promise<Answer> {
  const url = `${urlOf(program, 'gateway')}/admin/v1/connections/${connection()}/deleted/${id}/restore`
  return ask(url, { method: 'POST', token: program.adminToken, body: {} })
}

function scim(method: string, path: string, body?: object, headers: Record<string, string> = {}): Promise<Answer> {
  const url = `${program.scimBaseUrl}${path}`
  return ask(url, { method, token: program.key, headers, ...(body === undefined ? {} : { body }) })
}

/** What happens to people, groups, keys, connections and tenants, each kind of it once at least. */
async function everythingHappens(): Promise<void> {
  const patch = (operation: object): object => ({
    schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
    Operations: [{ op: 'replace', ...operation }],
  })
  const { id } = user.parse((await scim('POST', '/Users', newUser('grace'))).body)
  await scim('PATCH', `/Users/${id}`, patch({ path: 'active', value: false }))
  await scim('PATCH', `/Users/${id}`, patch({ path: 'active', value: true }))
  await scim('PATCH', `/Users/${id}`, patch({ path: 'title', value: 'Rear Admiral' }))
  const schemas = ['urn:ietf:params:scim:schemas:core:2.0:Group']
  const group = idOf(await scim('POST', '/Groups', { schemas, displayName: 'compilers' }))
  await scim('PATCH', `/Groups/${group}`, patch({ path: 'displayName', value: 'Compilers' }))
  await scim('PATCH', `/Groups/${group}`, patch({ op: 'add', path: 'members', value: [{ value: id }] }))
  await scim('DELETE', `/Groups/${group}`)
  await scim('DELETE', `/Users/${id}`)
  for (const gone of [group, id]) expect(await restore(gone)).toMatchObject({ status: 200 })
  await scim('GET', '/Users/nobody')

  const tenant = idOf(await admin('POST', '/tenants', { name: 'passing' }))
  const passing = idOf(await admin('POST', `/tenants/${tenant}/connections`, { name: 'people' }))
  const { body } = await admin('POST', `/connections/${passing}/keys`, {})
  await admin('POST', `/keys/${String(Reflect.get(Object(body), 'key')).split('_')[2]}/revoke`, {})
  await admin('PATCH', `/connections/${passing}`, { name: 'everyone' })
  await admin('DELETE', `/connections/${passing}`)
  await admin('DELETE', `/tenants/${tenant}`)
}

function idOf({ body }: Answer): string {
  return String(Reflect.get(Object(body), 'id'))
}

test('every record in Kafka is a CloudEvent in binary mode, with a payload that fits its schema', async () => {
  await everythingHappens()
  await allHaveFollowed(program)
  const published = await readPublished(
    servers.brokers,
    topicNames.map((topic) => `${servers.prefix}.${topic}`),
  )
  const events = await published.all()
  const marks = published.marks()
  await published.close()
  expect(new Set(events.map(({ headers }) => headers['ce_type']))).toEqual(
    new Set(eventNames.filter((name) => !rarer.test(name))),
  )
  expect(events.map(strangenessOf).filter(Boolean)).toEqual([])
  expect(marks.length).toBeGreaterThan(0)
  expect(marks.filter(({ value }) => !logMarked.strict().safeParse(JSON.parse(value)).success)).toEqual([])
  expect([...events, ...marks].flatMap(headersAmiss)).toEqual([])
})

test('one request is one trace through four processes: who answered it, and what each made of its events', async () => {
  const newTrace = (): { traceId: string; headers: { traceparent: string } } => {
    const traceId = randomBytes(16).toString('hex')
    return { traceId, headers: { traceparent: `00-${traceId}-00f067aa0ba902b7-01` } }
  }
  const creating = newTrace()
  const minting = newTrace()
  expect(await scim('POST', '/Users', newUser('ada'), creating.headers)).toMatchObject({ status: 201 })
  const minted = await admin('POST', `/connections/${connection()}/keys`, {}, minting.headers)
  expect(minted.status).toBe(201)
  await allHaveFollowed(program)
  expect(await program.stop()).toEqual({ code: 0, signal: null })

  const spansOf = (traceId: string): string[] =>
    sink.spans
      .filter((span) => span.traceId === traceId)
      .map(({ service, name }) => `${service}: ${name}`)
      .sort()
  expect(spansOf(creating.traceId)).toEqual([
    'latchkey-audit: follow request.decided',
    'latchkey-directory: follow user.provisioned',
    'latchkey-gateway: SCIM POST',
    'latchkey-gateway: publish request.decided',
    'latchkey-gateway: publish user.provisioned',
    'latchkey-keys: follow request.decided',
  ])
  expect(spansOf(minting.traceId)).toEqual([
    'latchkey-audit: follow request.decided',
    'latchkey-gateway: follow key.minted',
    'latchkey-keys: admin keys.mint',
    'latchkey-keys: follow request.decided',
    'latchkey-keys: publish key.minted',
    'latchkey-keys: publish request.decided',
  ])
})

/** What comes about when an installation is rotated, guarded, attacked or administered: journeys go through those, in this shape too. */
const rarer =
  /^(admin-token|data-key|detection|guard|key-digest|rotation|tenant\.changed)\b|^key\.(cancelled|changed|expired|exposed|retired|revealed)$/

/** CloudEvents 1.0.2: the required attributes, and in binary mode the payload's media type, which is that of JSON here. */
function headersAmiss({ headers, topic, offset }: PublishedRecord): string[] {
  const wanted: Record<string, RegExp> = {
    'content-type': /^application\/json$/,
    ce_specversion: /^1\.0$/,
    ce_id: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
    ce_type: /^[a-z-]+\.[a-z-]+$/,
    ce_source: /^\/latchkey\/(gateway|keys|audit)$/,
    ...(headers['ce_type'] === markName
      ? {}
      : {
          ce_time: /^\d{4}-\d{2}-\d{2}T[\d:.]+Z$/,
          ce_dataschema: new RegExp(`^urn:latchkey:event:${headers['ce_type']}:1$`),
        }),
  }
  return Object.entries(wanted)
    .filter(([name, form]) => !form.test(headers[name] ?? ''))
    .map(([name]) => `${topic} ${offset} ${headers['ce_type']}: ${name} is ${headers[name]}`)
}

/** What is not as it should be of an event; undefined when all is. */
function strangenessOf({ key, headers, value }: PublishedRecord): string | undefined {
  const { ce_type: name = '', ce_partitionkey: partitionKey = '', ce_sequence: sequence, ce_traceparent } = headers
  const source = headers['ce_source'] === '/latchkey/keys' ? 'keys' : 'gateway'
  const payload: unknown = JSON.parse(value)
  const read = readEvent({
    id: headers['ce_id'] ?? '',
    name,
    source,
    subject: headers['ce_subject'] ?? '',
    key: partitionKey,
    version: Number(sequence),
    time: headers['ce_time'] ?? '',
    traceparent: ce_traceparent,
    payload,
  })
  // A reader that passes over what it does not know would not notice that the schema does not tell of it.
  if (JSON.stringify(sorted(read.payload)) !== JSON.stringify(sorted(payload)))
    return `${name} has more than its schema`
  if (key !== partitionKey || key === '') return `${name} has the key ${key}`
  if (!partitionKey.endsWith(`/${read.subject}`) || read.subject === '')
    return `${name} has the subject ${read.subject}`
  if (!(read.version >= 1)) return `${name} has the sequence ${sequence}`
  if (headers['traceparent'] !== ce_traceparent) return `${name} has two traces`
  return undefined
}

/** With properties in one order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .map(([name, inner]) => [name, sorted(inner)] as const)
      .sort(([one], [other]) => (one < other ? -1 : 1)),
  )
}
