import { only, readSettings } from '#libs/program/index'
import { runService, serviceSettings } from '#libs/program/service/index'
import { DIRECTORY, directoryGroup, DirectoryModule, directorySchema, migrateDirectory } from './index.ts'

const settings = { ...serviceSettings, ...only('LATCHKEY_DIRECTORY_PORT', 'LATCHKEY_ADMIN_TOKEN') }

/** The directory as a program of its own. */
export function run(env: NodeJS.ProcessEnv): Promise<void> {
  return runService(env, {
    name: 'directory',
    read: (variables) => readSettings(variables, settings),
    port: ({ LATCHKEY_DIRECTORY_PORT }) => LATCHKEY_DIRECTORY_PORT,
    async build(starting) {
      const database = starting.openDatabase(8)
      await starting.withPostgres(() => migrateDirectory(database))
      const adminToken = await starting.adminToken(starting.configuration.LATCHKEY_ADMIN_TOKEN)
      const log = starting.openLog()
      return {
        modules: [DirectoryModule.with({ database, adminToken })],
        database,
        adminToken,
        follower: starting.follower({
          log,
          database,
          group: directoryGroup,
          transportId: DIRECTORY,
          schema: directorySchema,
          relaxed: true,
        }),
      }
    },
  })
}
