import { type EmbeddedPostgres, startEmbeddedPostgres } from '#libs/postgres/embedded/index'
import type { Logger } from '#libs/telemetry/index'
import type { DataFolder } from '../data-folder.ts'
import { keep } from '../keep.ts'

export interface KeptPostgres {
  readonly url: string
  /** The same by its port, for whoever is not near enough for a unix socket. Both hold the password. */
  readonly localUrl: string
  stop(): Promise<void>
}

/**
 * The Postgres that comes along, with its data in the folder, on `port` where that is given, started again on the same one whenever it ends by itself.
 * Requests meanwhile are answered 503.
 * @throws EmbeddedPostgresError when it does not start at first
 */
export async function keepPostgres(folder: DataFolder, logger: Logger, port?: number): Promise<KeptPostgres> {
  const options = { folder: folder.file('postgres'), log: folder.file('postgres.log'), durable: true }
  const kept = await keep<EmbeddedPostgres>(
    'Postgres',
    (last) => {
      const at = last === undefined ? port : Number(new URL(last.url).port)
      return startEmbeddedPostgres(at === undefined ? options : { ...options, port: at })
    },
    logger,
  )
  const { url: localUrl, nearUrl, pid, takenOver } = kept.current
  if (takenOver) logger.info({ pid }, 'took over the Postgres that an earlier run left behind')
  return { url: nearUrl, localUrl, stop: () => kept.stop() }
}
