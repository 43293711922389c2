import { AdminCalls, documentPart } from '#libs/admin/index'
import { followersOperations, only, readSettings } from '#libs/program/index'
import { runService, serviceSettings } from '#libs/program/service/index'
import {
  DIRECTORY,
  directoryGroup,
  DirectoryModule,
  directoryOperations,
  directoryPart,
  directorySchema,
  migrateDirectory,
} from './index.ts'

const settings = {
  ...serviceSettings,
  ...only(
    'LATCHKEY_DIRECTORY_PORT',
    'LATCHKEY_ADMIN_TOKEN',
    'LATCHKEY_DECISION_QUEUE',
    'LATCHKEY_PEPPERS',
    'REDIS_URL',
    'REDIS_PREFIX',
  ),
}

const operations = { ...directoryOperations, ...followersOperations, ...documentPart.operations }

/** The directory as a program of its own. */
export function run(env: NodeJS.ProcessEnv): Promise<void> {
  return runService(env, {
    name: 'directory',
    read: (variables) => readSettings(variables, settings),
    port: ({ LATCHKEY_DIRECTORY_PORT }) => LATCHKEY_DIRECTORY_PORT,
    async build(starting) {
      const database = starting.openDatabase(8)
      await starting.withPostgres(() => migrateDirectory(database))
      const { configuration, clock, telemetry } = starting
      const adminToken = await starting.adminToken(configuration.LATCHKEY_ADMIN_TOKEN)
      const peppers = await starting.peppers(configuration.LATCHKEY_PEPPERS)
      const log = starting.openLog({ database, source: 'directory' })
      const decisions = starting.openDecisions(log, database, configuration.LATCHKEY_DECISION_QUEUE)
      const channel = starting.openChannel(configuration)
      const follower = starting.follower({
        log,
        database,
        group: directoryGroup,
        transportId: DIRECTORY,
        schema: directorySchema,
        relaxed: true,
      })
      const { admission, tokenChannel } = starting.admission({ adminToken, peppers, database, log, follower, channel })
      return {
        modules: [
          DirectoryModule.with({ database, admission, tokenChannel }),
          AdminCalls.with({
            source: 'directory',
            operations,
            decisions,
            clock,
            telemetry,
            unproved: configuration.LATCHKEY_RATE_UNPROVED,
          }),
        ],
        database,
        admission,
        parts: [directoryPart],
        follower,
      }
    },
  })
}
