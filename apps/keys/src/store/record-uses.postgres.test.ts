import type { Kid } from '#libs/credentials/index'
import type { EntityManager } from '#libs/postgres/index'
import { type KeysService, startKeysService } from '#test/keys-service'
import { waitsForALock } from '#test/servers/locks'
import { type TestDatabase, testDatabase } from '#test/servers/postgres'
import type { KeyUse } from '../last-use.ts'
import { keepSituation, lockSituation } from './situations.ts'
import { lookAtFirstUses, recordUses } from './record-uses.ts'
import { usesOf } from './keys.ts'

const begin = new Date('2026-03-01T10:00:00.000Z')

let server: TestDatabase
let service: KeysService
let connection: string
let kid: Kid

beforeAll(async () => {
  server = await testDatabase()
  service = await startKeysService({ url: server.url, clock: () => begin, times: { every: 3_600_000, lease: 1_000 } })
})
afterAll(async () => {
  await service.close()
  await server.drop()
})
beforeEach(async () => {
  connection = (await service.connection()).id
  kid = (await service.ask('POST', `/connections/${connection}/keys`)).body.kid
})

function seconds(count: number): Date {
  return new Date(begin.getTime() + count * 1_000)
}

function used(at: number, address = '192.0.2.7'): KeyUse {
  const use = { at: seconds(at), address, userAgent: null }
  return { connection, kid, ...use, first: use }
}

function record(...uses: KeyUse[]): Promise<void> {
  return service.database.transaction(async (transaction) => {
    await recordUses(transaction, uses)
    await lookAtFirstUses(transaction, uses)
  })
}

async function known(manager: EntityManager = service.parts.entities.manager) {
  const uses = (await usesOf(manager, connection, [kid])).get(kid)
  const since = (at: Date | undefined) => (at === undefined ? undefined : (at.getTime() - begin.getTime()) / 1_000)
  return { first: since(uses?.first?.at), last: since(uses?.last.at), address: uses?.last.address }
}

const looks = () =>
  service.database.query(`SELECT at = '-infinity' AS "atOnce" FROM keys.next_look WHERE connection = $1`, [connection])

test('the first use of a pending key is the earliest, in whatever order uses are heard of', async () => {
  await record(used(50))
  await record(used(20))
  await record(used(200))
  expect(await known()).toMatchObject({ first: 20, last: 200 })
})

test('a last use never goes back in time, and is written anew a minute later or from elsewhere', async () => {
  await record(used(100))
  await record(used(10))
  expect(await known()).toMatchObject({ last: 100 })
  await record(used(159))
  expect(await known()).toMatchObject({ last: 100 })
  await record(used(159, '192.0.2.8'))
  expect(await known()).toMatchObject({ last: 159, address: '192.0.2.8' })
  await record(used(219, '192.0.2.8'))
  expect(await known()).toMatchObject({ last: 219 })
})

test('every later last use of the time in which a rotation ran is written, whenever it is heard of, and no other', async () => {
  await record(used(0))
  expect((await service.ask('POST', `/connections/${connection}/rotations`)).status).toBe(201)
  await record(used(2))
  await record(used(3))
  expect(await known()).toMatchObject({ last: 3 })
  await service.database.query(
    `UPDATE keys.rotation SET state = 'finished', outcome = 'old-expired', ended_at = $2 WHERE connection = $1`,
    [connection, seconds(5)],
  )
  await record(used(5))
  await record(used(6))
  expect(await known()).toMatchObject({ last: 5 })
})

test('what is known of the first use stays once the key is active', async () => {
  await record(used(50))
  await service.database.query(
    `UPDATE keys.provisioning_key SET state = 'active', activated_at = now() WHERE kid = $1`,
    [kid],
  )
  await record(used(20))
  expect(await known()).toMatchObject({ first: 50, last: 50 })
})

test('the first use of a key that was cancelled before its gateway knew is kept too', async () => {
  await service.database.query(
    `UPDATE keys.provisioning_key SET state = 'cancelled', ended_at = now() WHERE kid = $1`,
    [kid],
  )
  await record(used(50))
  expect(await known()).toMatchObject({ first: 50, last: 50 })
})

test('the use of a pending key is to be looked at, that of an active one is not', async () => {
  expect(await looks()).toEqual([])
  await record(used(1))
  expect(await looks()).toEqual([{ atOnce: true }])
  await service.database.query(`UPDATE keys.provisioning_key SET state = 'active' WHERE kid = $1`, [kid])
  await service.database.query('DELETE FROM keys.next_look WHERE connection = $1', [connection])
  await record(used(100))
  expect(await looks()).toEqual([])
})

test('a use that is recorded while its connection is settled is looked at afterwards', async () => {
  let recording: Promise<void> | undefined
  await service.parts.entities.transaction(async (manager) => {
    const situation = await lockSituation(manager, connection)
    if (situation === undefined) throw new Error('there is no such connection')
    recording = record(used(1))
    await waitsForALock(service.database)
    await keepSituation(manager, situation, { situation, events: [], lookAt: undefined })
  })
  await recording
  expect(await looks()).toEqual([{ atOnce: true }])
})
