import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { Client } from 'pg'
import { testDatabase } from './postgres.ts'

const tables = async (url: string): Promise<unknown> => {
  const client = new Client({ connectionString: url })
  // A server that ends between two statements is told by the next one.
  client.on('error', () => undefined)
  await client.connect()
  try {
    await client.query('CREATE TABLE IF NOT EXISTS mine ()')
    return (await client.query("SELECT count(*)::int AS tables FROM pg_tables WHERE schemaname = 'public'")).rows[0]
  } finally {
    await client.end()
  }
}

test('each test database is empty and apart from the others, and gone when dropped', async () => {
  const [one, other] = await Promise.all([testDatabase(), testDatabase()])
  expect(await tables(one.url)).toEqual({ tables: 1 })
  expect(await tables(other.url)).toEqual({ tables: 1 })
  await one.drop()
  await expect(tables(one.url)).rejects.toThrow('does not exist')
  await other.drop()
})

test('the Postgres of a run that is killed ends by itself', async () => {
  const keeper = fileURLToPath(new URL('./keep-postgres.js', import.meta.url))
  const script = `
    const child = require('node:child_process').spawn(process.execPath, [${JSON.stringify(keeper)}], { detached: true, stdio: 'pipe' })
    child.stdout.pipe(process.stdout)`
  const run = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [url] = await once(run.stdout, 'data')
  expect(await tables(String(url))).toEqual({ tables: 1 })
  run.kill('SIGKILL')
  const refused = async (): Promise<boolean> =>
    tables(String(url)).then(
      () => false,
      (error: unknown) => /ECONNREFUSED/.test(String(error)),
    )
  while (!(await refused())) await new Promise((settle) => setTimeout(settle, 20))
})
