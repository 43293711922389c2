import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EmbeddedPostgresError, startEmbeddedPostgres } from '#libs/postgres/embedded/index'

/**
 * A process that keeps one Postgres for a test run: prints its address, and ends it with all it wrote when its standard input
 * closes. That happens however the run ends, a kill -9 included, so nothing is left behind.
 */
const folder = mkdtempSync(join(tmpdir(), 'latchkey-test-'))
const remove = () => rmSync(folder, { recursive: true, force: true })
try {
  const postgres = await startEmbeddedPostgres({
    folder: join(folder, 'postgres'),
    durable: false,
    log: join(folder, 'postgres.log'),
    settings: { max_connections: '300' },
  })
  process.stdout.write(postgres.url)
  process.stdin.resume().once('close', () => void postgres.stop().then(remove))
} catch (error) {
  remove()
  process.stderr.write(error instanceof EmbeddedPostgresError ? error.message : String(error))
  process.exitCode = 1
}
