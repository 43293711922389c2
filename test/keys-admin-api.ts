import type { Payload } from '#libs/events/index'
import { type KeysService, newKek, startKeysService } from './keys-service.ts'
import { type TestDatabase, testDatabase } from './servers/postgres.ts'
import type { Told } from './world.ts'

/** What a test may change while the service runs; it sets it back. */
export interface Given {
  now: Date
  /** What reaches others. */
  reached: { log: boolean; channel: boolean }
  /** Whether the queue has no room for records of reads and refusals. */
  queueIsFull: boolean
  /** Whether all gateways were heard of. */
  heard: () => Promise<boolean>
}

export interface Logged<P = Told> {
  readonly id: string
  readonly name: string
  readonly subject: string
  readonly key: string
  readonly version: number
  readonly payload: P
}

/** The admin API of a keys service that the tests of one file share. */
export interface AdminApi {
  readonly given: Given
  /** Path of the file with its KEK. */
  readonly kek: string
  /** What the channel was told. */
  readonly announced: unknown[]
  /** The service itself, once tests run. */
  service(): KeysService
  readonly ask: KeysService['ask']
  readonly newTenant: KeysService['tenant']
  /** A new connection, of a sandbox and of a new tenant unless told. */
  newConnection(environment?: 'live' | 'sandbox', tenant?: string): Promise<Told>
  /** Events that the condition selects, all unless told, in the order of the log. */
  events(condition?: string, values?: unknown[]): Promise<Logged[]>
  /** The records that appear while `work` runs. */
  decided(work: () => Promise<unknown>): Promise<Payload<'request.decided'>[]>
}

/**
 * Starts a keys service over a fresh database before the tests of the file that calls this, and ends it after them. By then nothing of it
 * must have failed that no request waited for, and no event have become a dead letter.
 */
export function adminApi(): AdminApi {
  let server: TestDatabase
  let service: KeysService
  const kek = newKek()
  const announced: unknown[] = []
  const given: Given = {
    now: new Date('2026-03-01T10:00:00.000Z'),
    reached: { log: true, channel: true },
    queueIsFull: false,
    heard: async () => true,
  }

  beforeAll(async () => {
    server = await testDatabase()
    service = await startKeysService({
      url: server.url,
      clock: () => given.now,
      kek,
      heard: () => given.heard(),
      channel: { publish: (message) => void announced.push(JSON.parse(message)) },
      reaches: () => given.reached,
      takesRecords: () => !given.queueIsFull,
    })
  })

  afterAll(async () => {
    const buried = await service.database.query('SELECT reason FROM keys.dead_letter')
    await service.close()
    await server.drop()
    expect({ failures: service.failures, buried }).toEqual({ failures: [], buried: [] })
  })

  const events: AdminApi['events'] = (condition = 'true', values) => service.eventsWhere(condition, values)
  const records = (): Promise<Logged<Payload<'request.decided'>>[]> => events(`name = 'request.decided'`)
  return {
    given,
    kek,
    announced,
    service: () => service,
    ask: (...request) => service.ask(...request),
    newTenant: () => service.tenant(),
    newConnection: (environment = 'sandbox', tenant) => service.connection(environment, tenant),
    events,
    async decided(work) {
      const before = new Set((await records()).map(({ id }) => id))
      await work()
      return (await records()).filter(({ id }) => !before.has(id)).map(({ payload }) => payload)
    },
  }
}
