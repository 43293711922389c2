import { join } from 'node:path'
import { startEmbeddedPostgres } from '#libs/postgres/embedded/index'
import { keep } from './keep.ts'

await keep(async (parent) => {
  const postgres = await startEmbeddedPostgres({
    folder: join(parent, 'postgres'),
    durable: false,
    log: join(parent, 'postgres.log'),
    settings: { max_connections: '300' },
  })
  return { address: postgres.url, stop: () => postgres.stop() }
})
