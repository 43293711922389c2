import { Client } from 'pg'
import type { Environment, IdentityProvider } from '#libs/events/index'
import { type LoggedEvent, readEvents } from './logged-events.ts'
import { type Place, type Shape, startProgram } from './program.ts'
import { testDatabase } from './servers/postgres.ts'

/** What another process said: a test looks into it freely, and fails where it is not as expected. */
// oxlint-disable-next-line typescript/no-explicit-any
export type Told = any

/** An answer of any of the services; `body` is parsed JSON, or undefined where nothing came. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: Told
}

export interface Connection {
  readonly id: string
  readonly tenant: string
  readonly scimBaseUrl: string
  readonly kid: string
  readonly key: string
}

export type Scim = (method: string, path: string, body?: unknown, headers?: Record<string, string>) => Promise<Answer>

/** The whole of Latchkey, running, seen from outside. Others may be at it too: a test looks at connections of its own. */
export interface World {
  readonly adminToken: string
  readonly gatewayUrl: string
  readonly keysUrl: string
  readonly directoryUrl: string
  readonly auditUrl: string
  /** The programs that it is, each with the services in it. */
  readonly programs: readonly { readonly url: string; readonly services: readonly string[] }[]
  /** The table that the gateway appends events to. */
  readonly appendsTo: string
  /** Whether others get events from Kafka, by topic; else one table holds all. */
  readonly hasTopics: boolean
  admin(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>
  /** The admin API of the gateway. */
  gatewayAdmin(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>
  /** The admin API of the audit service. */
  auditAdmin(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>
  /** A new connection with a key that is accepted already; of a new tenant unless one is named. */
  connection(
    identityProvider: IdentityProvider,
    of?: { tenant?: string; environment?: Environment; settings?: object },
  ): Promise<Connection>
  /** SCIM requests that present the connection's key. */
  scim(connection: Pick<Connection, 'scimBaseUrl' | 'key'>): Scim
  directory(path: string): Promise<Answer>
  /** All audit records that the query selects, newest first. */
  audit(query: Record<string, string>): Promise<Told[]>
  /** Events in the order of the log, of one connection or of everyone. */
  events(connection?: string): Promise<LoggedEvent[]>
  query(statement: string, values?: unknown[]): Promise<Told[]>
  /** A session of its own with the database, to be ended by the caller. */
  session(): Promise<Client>
  /** Lets go of it. */
  stop(): Promise<void>
}

/** One that nobody else is at. */
export interface OwnWorld extends World {
  logs(): string
  /** Ends the program, which must exit with 0, and removes what it wrote. */
  stop(): Promise<void>
}

/** Set by jest.config.mjs: the journeys are run once in each shape. */
declare const latchkeyShape: Shape | undefined

const shape = (): Shape => (typeof latchkeyShape === 'undefined' ? 'standalone' : latchkeyShape)

/** The program that all journeys of this run share. What they ask is the same, whatever shape it runs in. */
export function enterWorld(): Promise<World> {
  const place = process.env[`TEST_${shape().toUpperCase()}`]
  if (place === undefined) throw new Error('this run has no program: only files named *.journey.test.ts are given one')
  return worldAt(JSON.parse(place))
}

/** Starts a program over a database of its own, for a test that changes its settings, stops it, or reads all that it ever wrote. */
export async function startWorld(settings: NodeJS.ProcessEnv = {}): Promise<OwnWorld> {
  const database = await testDatabase()
  const { place, logs, stop } = await startProgram(shape(), database.url, settings)
  const world = await worldAt(place)
  return {
    ...world,
    logs,
    async stop() {
      const code = await stop()
      await world.stop()
      await database.drop()
      if (code !== 0) throw new Error(`the program exited with ${code}: ${logs()}`)
    },
  }
}

async function worldAt(place: Place): Promise<World> {
  const { addresses, adminToken } = place
  const client = await connect(place.databaseUrl)
  const logged = readEvents(place, client)
  const asAdmin = { authorization: `Bearer ${adminToken}` }

  const query: World['query'] = async (statement, values) => (await client.query(statement, values)).rows
  const admin: World['admin'] = (method, path, body, headers) =>
    request(method, `${addresses.keys}/admin/v1${path}`, body, {
      'content-type': 'application/json',
      ...asAdmin,
      ...headers,
    })
  const scim: World['scim'] =
    ({ scimBaseUrl, key }) =>
    (method, path, body, headers) =>
      request(method, `${scimBaseUrl}${path}`, body, {
        'content-type': 'application/scim+json',
        authorization: `Bearer ${key}`,
        ...headers,
      })

  return {
    adminToken,
    gatewayUrl: addresses.gateway,
    keysUrl: addresses.keys,
    directoryUrl: addresses.directory,
    auditUrl: addresses.audit,
    programs: [...Map.groupBy(Object.entries(addresses), ([, url]) => url)].map(([url, services]) => ({
      url,
      services: services.map(([name]) => name),
    })),
    appendsTo: place.topicPrefix === undefined ? 'event_log.event' : 'gateway.outbox',
    hasTopics: place.topicPrefix !== undefined,
    admin,
    gatewayAdmin: (method, path, body, headers) =>
      request(method, `${addresses.gateway}/admin/v1${path}`, body, {
        'content-type': 'application/json',
        ...asAdmin,
        ...headers,
      }),
    auditAdmin: (method, path, body, headers) =>
      request(method, `${addresses.audit}/admin/v1${path}`, body, {
        'content-type': 'application/json',
        ...asAdmin,
        ...headers,
      }),
    scim,
    query,
    session: () => connect(place.databaseUrl),
    async connection(identityProvider, { tenant: given, environment = 'live', settings = {} } = {}) {
      const name = `The ${identityProvider} of ${crypto.randomUUID()}`
      const tenant = given ?? (await made(admin('POST', '/tenants', { name }))).id
      const connection = await made(
        admin('POST', `/tenants/${tenant}/connections`, { name, identityProvider, environment, settings }),
      )
      const { kid, key, scimBaseUrl } = await made(admin('POST', `/connections/${connection.id}/keys`))
      const ask = scim({ scimBaseUrl, key })
      await eventually(
        () => ask('GET', '/ServiceProviderConfig'),
        ({ status }) => status === 200,
      )
      return { id: connection.id, tenant, scimBaseUrl, kid, key }
    },
    directory: (path) => request('GET', `${addresses.directory}/directory/v1${path}`, undefined, asAdmin),
    async audit(filter) {
      const records: unknown[] = []
      let next: string | undefined
      do {
        const parameters = new URLSearchParams({
          limit: '200',
          ...filter,
          ...(next === undefined ? {} : { after: next }),
        })
        const { status, body } = await request(
          'GET',
          `${addresses.audit}/audit/v1/records?${parameters.toString()}`,
          undefined,
          asAdmin,
        )
        if (status !== 200) throw new Error(`the audit trail answered ${status}: ${JSON.stringify(body)}`)
        records.push(...body.items)
        next = body.next
      } while (next !== undefined)
      return records
    },
    events: (connection) => logged.of(connection),
    async stop() {
      await logged.close()
      await client.end()
    },
  }
}

/** Reads again and again until what is read is as wanted, for 15 seconds at the most. */
export async function eventually<T>(read: () => Promise<T>, until: (value: T) => boolean): Promise<T> {
  const deadline = Date.now() + 15_000
  for (;;) {
    const value = await read()
    if (until(value)) return value
    if (Date.now() > deadline) throw new Error(`it did not come about in time; last seen: ${JSON.stringify(value)}`)
    await new Promise((resolve) => setTimeout(resolve, 40))
  }
}

/** Does the work for each item, so many at a time; the results are in the order of the items. */
export async function allOf<I, O>(
  items: readonly I[],
  work: (item: I, index: number) => Promise<O>,
  atOnce = items.length,
): Promise<O[]> {
  const results: O[] = []
  const queue = items.entries()
  const worker = async (): Promise<void> => {
    for (const [index, item] of queue) results[index] = await work(item, index)
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  return results
}

export const userSchema = 'urn:ietf:params:scim:schemas:core:2.0:User'
export const enterpriseSchema = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User'
export const groupSchema = 'urn:ietf:params:scim:schemas:core:2.0:Group'

export function user(userName: string, attributes: object = {}): object {
  return { schemas: [userSchema], userName, ...attributes }
}

export function group(displayName: string, members: readonly string[] = []): object {
  return { schemas: [groupSchema], displayName, members: members.map((value) => ({ value })) }
}

export function patch(...operations: readonly object[]): object {
  return { schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'], Operations: operations }
}

export function bulk(operations: readonly object[], failOnErrors?: number): object {
  return {
    schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'],
    ...(failOnErrors === undefined ? {} : { failOnErrors }),
    Operations: operations,
  }
}

export function versionOf(resource: { meta: { version: string } }): number {
  return Number(/^W\/"(\d+)"$/.exec(resource.meta.version)?.[1])
}

async function made(answer: Promise<Answer>): Promise<Told> {
  const { status, body } = await answer
  if (status !== 201) throw new Error(`it was not made: ${status} ${JSON.stringify(body)}`)
  return body
}

async function request(method: string, url: string, body: unknown, headers: Record<string, string>): Promise<Answer> {
  const { 'content-type': contentType, ...others } = headers
  const answer = await fetch(url, {
    method,
    headers: body === undefined || contentType === undefined ? others : { ...others, 'content-type': contentType },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const text = await answer.text()
  return { status: answer.status, headers: answer.headers, body: text === '' ? undefined : JSON.parse(text) }
}

async function connect(url: string): Promise<Client> {
  const client = new Client({ connectionString: url, application_name: 'journeys' })
  await client.connect()
  return client
}
