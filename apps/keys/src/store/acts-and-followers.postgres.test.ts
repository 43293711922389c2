import { addPepper, digest, generatePeppers, type Kid, readKey } from '#libs/credentials/index'
import { makeEvent } from '#libs/events/index'
import type { Transaction } from '#libs/postgres/index'
import { type KeysService, startKeysService } from '#test/keys-service'
import { waitsForALock } from '#test/servers/locks'
import { type TestDatabase, testDatabase } from '#test/servers/postgres'
import { advance } from '../provisioning-key.ts'
import { withKey } from '../rotation.ts'
import { holdKeys } from './hold-keys.ts'
import { markExposed } from './mark-exposed.ts'
import { renewDigests } from './renew-digests.ts'
import { keepSituation, lockSituation } from './situations.ts'

/** People act on keys while followers write what they have heard of the same keys. */

const now = new Date('2026-03-01T10:00:00.000Z')
const peppers = addPepper(generatePeppers())

let server: TestDatabase
let service: KeysService
let connection: string
let tenant: string
let kid: Kid
let text: string

beforeAll(async () => {
  server = await testDatabase()
  const times = { every: 3_600_000, lease: 1_000 }
  service = await startKeysService({ url: server.url, clock: () => now, times, peppers })
})
afterAll(async () => {
  await service.close()
  await server.drop()
})
beforeEach(async () => {
  ;({ id: connection, tenant } = await service.connection())
  ;({ kid, key: text } = (await service.ask('POST', `/connections/${connection}/keys`)).body)
})

/** A person activates the key; between reading and writing the follower sets out to do its work. */
async function whileActing(follow: (transaction: Transaction) => Promise<unknown>): Promise<number> {
  let following: Promise<unknown> | undefined
  const version = await service.parts.entities.transaction(async (manager) => {
    const before = await lockSituation(manager, connection, kid)
    const key = before?.keys.find((one) => one.kid === kid)
    if (before === undefined || key === undefined) throw new Error('there is no such key')
    following = service.database.transaction(follow)
    await Promise.race([following, waitsForALock(service.database)])
    const { key: after } = advance(key, 'activate', { at: now })
    await keepSituation(manager, before, { situation: withKey(before, after), events: [], lookAt: undefined })
    return after.version
  })
  await following
  return version
}

const kept = async () => {
  const [row] = await service.database.query<{
    state: string
    version: number
    exposed_at: Date | null
    pepper_version: number
    digest: Buffer
  }>('SELECT * FROM keys.provisioning_key WHERE kid = $1', [kid])
  return row
}

test('a digest that is renewed while somebody acts on the key stays renewed', async () => {
  const read = readKey(text)
  if (read.kind !== 'key') throw new Error('it is not a key')
  const version = peppers.current + 1
  const newer = addPepper(peppers)
  const renewed = digest(newer, version, read.secret)
  const event = makeEvent(
    'key-digest.renewed',
    { source: 'gateway', subject: kid, owner: connection, version: 1, time: now },
    { tenant, connection, kid, pepperVersion: version, digest: renewed.toString('base64url') },
  )
  await whileActing(async (transaction) => {
    await holdKeys(transaction, [{ connection, kid }])
    await renewDigests(transaction, [event], newer)
  })
  expect(await kept()).toMatchObject({ state: 'active', pepper_version: version, digest: renewed })
})

test('a key that is found exposed while somebody acts on it stays marked, and each of its events has a version of its own', async () => {
  let told: number[] = []
  const version = await whileActing(async (transaction) => {
    const exposure = { connection, kid, at: now, address: '192.0.2.7', traceparent: undefined }
    await holdKeys(transaction, [exposure])
    told = (await markExposed(transaction, [exposure])).map((event) => event.version)
  })
  expect(await kept()).toMatchObject({ state: 'active', version: version + 1, exposed_at: now })
  expect(told).toEqual([version + 1])
})
