import { type EmbeddedPostgres, startEmbeddedPostgres } from '#libs/postgres/embedded/index'
import { Database } from '#libs/postgres/index'
import type { Logger } from '#libs/telemetry/index'
import type { DataFolder } from './data-folder.ts'
import { StartError } from './start-error.ts'

export interface KeptPostgres {
  readonly url: string
  stop(): Promise<void>
}

const longestPause = 10_000

/**
 * The embedded Postgres, started again on the same port whenever it ends by itself. Requests meanwhile are answered 503.
 * @throws EmbeddedPostgresError when it does not start at first
 */
export async function keepPostgres(folder: DataFolder, logger: Logger): Promise<KeptPostgres> {
  const options = { folder: folder.file('postgres'), log: folder.file('postgres.log'), durable: true }
  let running: EmbeddedPostgres = await startEmbeddedPostgres(options)
  const { url } = running
  const port = Number(new URL(url).port)
  if (running.takenOver) logger.info({ pid: running.pid }, 'took over the Postgres that an earlier run left behind')
  const { promise: stopAsked, resolve: askToStop } = Promise.withResolvers<void>()
  let stopping = false
  const kept = keep()
  return {
    url: running.nearUrl,
    async stop() {
      stopping = true
      askToStop()
      await running.stop()
      await kept
    },
  }

  async function keep(): Promise<void> {
    for (;;) {
      await running.gone
      if (stopping) return
      logger.error('Postgres has ended; starting it again')
      await running.stop()
      await restart()
    }
  }

  async function restart(): Promise<void> {
    for (let failures = 0; !stopping; failures++) {
      try {
        running = await startEmbeddedPostgres({ ...options, port })
        logger.info({ pid: running.pid }, 'Postgres is back')
        if (stopping) await running.stop()
        return
      } catch (error) {
        logger.error({ err: error }, 'Postgres could not be started; trying again')
        await Promise.race([stopAsked, pause(Math.min(longestPause, 200 * 2 ** failures))])
      }
    }
  }
}

/**
 * Finds out whether the Postgres of DATABASE_URL can be used.
 * @throws StartError
 */
export async function reachPostgres(url: string): Promise<void> {
  const { host, pathname } = new URL(url)
  const database = new Database({ url, applicationName: 'latchkey', connections: 1 })
  try {
    const [answer] = await database.query<{ allowed: boolean }>(
      "SELECT has_database_privilege(current_database(), 'CREATE') AS allowed",
    )
    if (answer?.allowed === true) return
    throw new StartError(
      `The user of DATABASE_URL may not make schemas in the database ${pathname.slice(1)}. Run GRANT CREATE ON DATABASE for it, or name another user.`,
    )
  } catch (error) {
    if (error instanceof StartError) throw error
    throw new StartError(
      `The Postgres of DATABASE_URL cannot be used at ${host} (${reasonOf(error)}). Check that it runs, and the host, port, user, password and database of the address.`,
    )
  } finally {
    await database.close()
  }
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
  return code === undefined ? 'no answer' : (known[code] ?? code)
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds).unref())
}
