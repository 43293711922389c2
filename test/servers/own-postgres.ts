import { join } from 'node:path'
import { Client } from 'pg'
import { startEmbeddedPostgres, type EmbeddedPostgres } from '#libs/postgres/embedded/index'
import { ownFolder } from './own-folder.ts'

export interface OwnPostgres {
  /** The address of a new, empty database. */
  createDatabase(): Promise<string>
  /** Ends the server at once, and starts it again on the same port after `meanwhile`. */
  outage(meanwhile: () => Promise<void>): Promise<void>
  stop(): Promise<void>
}

/** A Postgres of its own, for a test file that stops it. */
export async function startOwnPostgres(): Promise<OwnPostgres> {
  const folder = ownFolder()
  const options = { folder: join(folder.path, 'postgres'), durable: false, log: join(folder.path, 'log') }
  let server: EmbeddedPostgres = await startEmbeddedPostgres(options)
  const port = Number(new URL(server.url).port)
  let made = 0
  return {
    async createDatabase() {
      const name = `test_${++made}`
      const client = new Client({ connectionString: server.url })
      await client.connect()
      await client.query(`CREATE DATABASE ${name}`)
      await client.end()
      const url = new URL(server.url)
      url.pathname = `/${name}`
      return url.href
    },
    async outage(meanwhile) {
      await server.stop()
      await meanwhile()
      server = await startEmbeddedPostgres({ ...options, port })
    },
    async stop() {
      await server.stop()
      await folder.remove()
    },
  }
}
