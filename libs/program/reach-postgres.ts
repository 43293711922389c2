import { Database, isConnectionLoss } from '#libs/postgres/index'
import { StartError } from './start-error.ts'

/** The Postgres may be there later. */
export class PostgresAway extends StartError {
  override readonly name = 'PostgresAway'
}

/**
 * Finds out whether the Postgres of DATABASE_URL can be used.
 * @throws PostgresAway where it does not answer or does not take anyone yet, else StartError
 */
export async function reachPostgres(url: string): Promise<void> {
  const database = new Database({ url, applicationName: 'latchkey', connections: 1 })
  try {
    const [answer] = await database.query<{ allowed: boolean }>(
      "SELECT has_database_privilege(current_database(), 'CREATE') AS allowed",
    )
    if (answer?.allowed === true) return
  } catch (error) {
    const told =
      `The Postgres of DATABASE_URL cannot be used at ${new URL(url).host} (${reasonOf(error)}). ` +
      'Check that it runs, and the host, port, user, password and database of the address.'
    throw isConnectionLoss(error) ? new PostgresAway(told) : new StartError(told)
  } finally {
    await database.close()
  }
  throw new StartError(
    `The user of DATABASE_URL may not make schemas in the database ${new URL(url).pathname.slice(1)}. Run GRANT CREATE ON DATABASE for it, or name another user.`,
  )
}

/** Never the driver's own words, which may repeat the address. */
function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : undefined
  const known: Readonly<Record<string, string>> = {
    '28P01': 'the password was refused',
    '28000': 'the user was refused',
    '3D000': 'there is no such database',
    '57P03': 'it is starting up or shutting down',
    '53300': 'it has no connection free',
  }
  if (code !== undefined) return known[code] ?? code
  const wantsPassword = error instanceof Error && /password must be a/.test(error.message)
  return wantsPassword ? 'it asks for a password, and the address holds none' : 'no answer'
}
