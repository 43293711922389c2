import { migrateGateway } from '#apps/gateway/src/index'
import { Database } from '#libs/postgres/index'
import { startOwnPostgres } from '../servers/own-postgres.ts'

/** Runs `work` over a Postgres of its own with the gateway's tables. */
export async function overGatewayTables<T>(work: (database: Database) => Promise<T>): Promise<T> {
  const postgres = await startOwnPostgres()
  const database = new Database({ url: await postgres.createDatabase(), applicationName: 'bench', connections: 4 })
  try {
    await migrateGateway(database)
    return await work(database)
  } finally {
    await database.close()
    await postgres.stop()
  }
}
