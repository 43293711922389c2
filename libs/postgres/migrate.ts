import { DataSource, type MigrationInterface } from 'typeorm'
import type { Database } from './database.ts'

export interface SchemaMigrations {
  /** The Postgres schema that the service owns; made when missing. */
  readonly schema: string
  /** TypeORM migration classes, oldest first; each class name ends in its 13-digit time stamp. */
  readonly migrations: readonly (new () => MigrationInterface)[]
}

/**
 * Brings one schema up to date. Safe when several instances start at once: an advisory lock lets one of them migrate,
 * the others find the work done. Each migration is one transaction; a failed one rejects and leaves no trace.
 */
export async function migrate(database: Database, { schema, migrations }: SchemaMigrations): Promise<void> {
  if (await isCurrent(database, schema, migrations)) return
  await database.session(async (session) => {
    await session.query('SELECT pg_advisory_lock(hashtextextended($1, 0))', [`latchkey migrates ${schema}`])
    await session.query(`CREATE SCHEMA IF NOT EXISTS ${schema}`)
    const source = new DataSource({
      type: 'postgres',
      url: database.url,
      schema,
      migrations: [...migrations],
      migrationsTableName: 'migration',
      migrationsTransactionMode: 'each',
      logging: false,
      applicationName: `latchkey migrates ${schema}`,
    })
    await source.initialize()
    try {
      await source.runMigrations()
    } finally {
      await source.destroy()
    }
  })
}

async function isCurrent(
  database: Database,
  schema: string,
  migrations: SchemaMigrations['migrations'],
): Promise<boolean> {
  const [found] = await database.query<{ present: boolean }>('SELECT to_regclass($1) IS NOT NULL AS present', [
    `${schema}.migration`,
  ])
  if (found?.present !== true) return false
  const done = await database.query<{ name: string }>(`SELECT name FROM ${schema}.migration`)
  const names = new Set(done.map((row) => row.name))
  return migrations.every((migration) => names.has(migration.name))
}
