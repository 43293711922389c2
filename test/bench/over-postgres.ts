import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '#libs/postgres/embedded/index'
import { unlessInterrupted } from './interrupted.ts'
import type { Running, Shape, StartOptions } from './shapes.ts'

export interface OverPostgresOptions extends Pick<StartOptions, 'nodeArguments' | 'env'> {
  /** Server settings of Postgres. */
  readonly settings?: Readonly<Record<string, string>>
}

/** Runs `work` with a program over a Postgres of its own, which keeps the time of each commit; both end and leave nothing. */
export async function overPostgres<T>(
  { start }: Shape,
  { settings, ...options }: OverPostgresOptions,
  work: (program: Running, postgres: EmbeddedPostgres) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-bench-'))
  try {
    const postgres = await startEmbeddedPostgres({
      folder: join(folder, 'postgres'),
      log: join(folder, 'postgres.log'),
      durable: true,
      settings: { track_commit_timestamp: 'on', ...settings },
    })
    try {
      const program = await start({ folder: join(folder, 'over'), databaseUrl: postgres.nearUrl, ...options })
      try {
        return await unlessInterrupted(work(program, postgres))
      } finally {
        await program.stop()
      }
    } finally {
      await postgres.stop()
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
