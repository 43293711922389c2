import { type Database, migrate } from '#libs/postgres/index'
import { directorySchema } from './names.ts'
import { migrations } from './store/migrations.ts'

export { DirectoryModule, type DirectoryParts } from './directory.module.ts'
export { directoryPart } from './http/described.ts'
export { directoryOperations } from './http/operations.ts'
export { FollowPeople } from './events/follow-people.ts'
export { DIRECTORY, directoryGroup, directorySchema } from './names.ts'

/** Brings the schema `directory` up to date; to be done before the directory follows or answers. */
export function migrateDirectory(database: Database): Promise<void> {
  return migrate(database, { schema: directorySchema, migrations })
}
