import { type EmbeddedPostgres, startEmbeddedPostgres } from '#libs/postgres/embedded/index'
import type { Logger } from '#libs/telemetry/index'
import type { DataFolder } from './data-folder.ts'

export interface KeptPostgres {
  readonly url: string
  stop(): Promise<void>
}

const longestPause = 10_000

/** The embedded Postgres, started again on the same port whenever it ends by itself. Requests meanwhile are answered 503. */
export async function keepPostgres(folder: DataFolder, logger: Logger): Promise<KeptPostgres> {
  const options = { folder: folder.file('postgres'), log: folder.file('postgres.log'), durable: true }
  let running: EmbeddedPostgres = await startEmbeddedPostgres(options)
  const port = Number(new URL(running.url).port)
  const { url } = running
  if (running.takenOver) logger.info({ pid: running.pid }, 'took over the Postgres that an earlier run left behind')
  let stopping = false
  const kept = keep()
  return {
    url,
    async stop() {
      stopping = true
      await running.stop()
      await kept
    },
  }

  async function keep(): Promise<void> {
    for (;;) {
      await running.gone
      if (stopping) return
      logger.error('Postgres has ended; starting it again')
      await restart()
    }
  }

  async function restart(): Promise<void> {
    for (let failures = 0; !stopping; failures++) {
      try {
        await running.stop()
        running = await startEmbeddedPostgres({ ...options, port })
        logger.info({ pid: running.pid }, 'Postgres is back')
        return
      } catch (error) {
        logger.error({ err: error }, 'Postgres could not be started; trying again')
        await new Promise((resolve) => setTimeout(resolve, Math.min(longestPause, 200 * 2 ** failures)))
      }
    }
  }
}
