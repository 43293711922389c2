import { Database } from '#libs/postgres/index'
import { createLogger } from '#libs/telemetry/index'
import { KnownTrust } from '../store/known-trust.ts'
import { WatchChanges } from './watch-changes.ts'

const failing = (code: string): Error => Object.assign(new Error(`failed with ${code}`), { code })

test('a look at what others have applied, or at what keys there are, that fails is told, and looking goes on', async () => {
  const logger = await createLogger({ service: 'test', level: 'error', pretty: false })
  const database = new Database({ url: 'postgres://127.0.0.1:1/none', applicationName: 'test', connections: 1 })
  const failures = [failing('ECONNREFUSED'), failing('42501')]
  const unheard = failing('57014')
  const expected = [unheard, ...failures]
  const told: unknown[] = []
  const wentOn = Promise.withResolvers<void>()
  class FailingTrust extends KnownTrust {
    override async lookForChanges(): Promise<void> {
      const failure = failures.shift()
      if (failure !== undefined) throw failure
      wentOn.resolve()
    }

    override async hear(): Promise<void> {
      throw unheard
    }
  }
  const currency = { look: () => true, onRegained: () => undefined }
  const watching = new WatchChanges(
    { currency, logger, onFailure: (error) => told.push(error) },
    new FailingTrust(database, () => undefined),
  )
  watching.onModuleInit()
  await wentOn.promise
  await watching.onModuleDestroy()
  await database.close()
  expect(told).toEqual(expected)
})
