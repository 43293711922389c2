import { mkdirSync, realpathSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { Client } from 'pg'
import { trimLog } from '#libs/process/index'
import { every } from '#libs/timing/index'
import { silentLog } from '../silent-log.ts'
import { accountFor, runnerFor } from './account.ts'
import { findBinaries } from './binaries.ts'
import { createCluster, holdsCluster, readPassword, removeDrafts, role } from './cluster.ts'
import { unwritable } from './errors.ts'
import { ownFolder } from './owner.ts'
import { findPostmaster, type Postmaster, startPostmaster, stopPostmaster, wasStartedWith } from './postmaster.ts'

export interface EmbeddedPostgresOptions {
  /** The data folder: absent, empty, or one that this function made. Beside it lie `FOLDER.owner` and, while it is made, `FOLDER.new-*`. */
  readonly folder: string
  /** The port on 127.0.0.1; absent or 0 for a free one. */
  readonly port?: number
  /** False for tests: nothing is synced to the disk, and an outage of the machine may lose everything. */
  readonly durable: boolean
  /** Postgres settings, over ours. */
  readonly settings?: Readonly<Record<string, string>>
  /** The file Postgres logs to, no value of a client ever; what is over 8 MiB goes to FILE.1, at a start and every ten minutes. */
  readonly log: string
  /** The folder of the npm package with the binaries; absent for the installed one. */
  readonly packageFolder?: string
}

export interface EmbeddedPostgres {
  /** `postgres://...` of the database `latchkey`, with its password: never to be logged. */
  readonly url: string
  /** The same for `pg`, by a unix socket where there is one: a seventh less processor time for what asks much. */
  readonly nearUrl: string
  readonly pid: number
  /** True when a Postgres that a killed run left behind goes on serving; it keeps the port it was started with. */
  readonly takenOver: boolean
  /** Settles when Postgres has ended, by `stop` or by itself. */
  readonly gone: Promise<void>
  /** Ends it (after a checkpoint, when durable) and gives the folder free. May be called more than once. */
  stop(): Promise<void>
}

const database = 'latchkey'

const settings = {
  shared_buffers: '128MB',
  max_connections: '100',
  synchronous_commit: 'on',
  log_checkpoints: 'off',
  ...silentLog,
  timezone: 'UTC',
  log_timezone: 'UTC',
}
const trimEvery = 600_000
const forgetful = { fsync: 'off', full_page_writes: 'off' }

/**
 * A Postgres of our own, from npm: laid out at the first start, afterwards started on the data it has. It listens on loopback
 * only, and its password is in a file that only this user can read. A Postgres left behind by a killed run is taken over, or, where
 * it has other settings than are wanted now, started again.
 * Resolves when it answers queries; it outlives this process unless `stop` is called.
 * @throws EmbeddedPostgresError with a line that names the cause and what to do
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const folder = settledPath(options.folder)
  const disown = ownFolder(folder)
  try {
    const binaries = findBinaries(`${folder}.links`, options.packageFolder)
    const account = accountFor(folder)
    const runner = runnerFor(account, binaries.native, dirname(folder))
    removeDrafts(folder)
    if (!holdsCluster(folder, binaries)) await createCluster(folder, binaries, runner, account, options.durable)

    const wanted = { ...settings, ...(options.durable ? {} : forgetful), ...options.settings }
    const orphan = await takeOver(folder, wanted, options.durable)
    const postmaster =
      orphan ?? (await startPostmaster(folder, binaries, runner, options.port ?? 0, wanted, resolve(options.log)))
    let ended = false
    const trimming = every(
      trimEvery,
      () => trimLog(resolve(options.log)),
      () => undefined,
    )
    void postmaster.gone.then(() => {
      ended = true
      void trimming.end()
    })
    const stop = async () => {
      // Once it is gone, another process may have its id.
      if (!ended) await stopPostmaster(postmaster, options.durable ? 'fast' : 'immediate')
      disown()
    }
    try {
      const url = `postgres://${role}:${readPassword(folder)}@127.0.0.1:${postmaster.port}/`
      await createDatabase(url)
      const { pid, socket, gone } = postmaster
      const whole = url + database
      return {
        url: whole,
        nearUrl: socket === undefined ? whole : `${whole}?host=${encodeURIComponent(socket)}`,
        pid,
        takenOver: orphan !== undefined,
        gone,
        stop,
      }
    } catch (error) {
      await stop()
      throw error
    }
  } catch (error) {
    disown()
    throw error
  }
}

async function takeOver(
  folder: string,
  wanted: Readonly<Record<string, string>>,
  durable: boolean,
): Promise<Postmaster | undefined> {
  const found = await findPostmaster(folder)
  if (found === undefined || wasStartedWith(folder, wanted)) return found
  await stopPostmaster(found, durable ? 'fast' : 'immediate')
  return undefined
}

/** The folder's path free of links, so that it can be compared with what Postgres says; its parent is made when absent. */
function settledPath(folder: string): string {
  const parent = dirname(resolve(folder))
  try {
    mkdirSync(parent, { recursive: true })
    return join(realpathSync(parent), basename(folder))
  } catch (error) {
    throw unwritable(folder, error)
  }
}

async function createDatabase(url: string): Promise<void> {
  const client = new Client({ connectionString: `${url}postgres` })
  await client.connect()
  try {
    const found = await client.query('SELECT FROM pg_database WHERE datname = $1', [database])
    if (found.rowCount === 0) await client.query(`CREATE DATABASE ${database}`)
  } finally {
    await client.end()
  }
}
