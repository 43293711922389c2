import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Client } from 'pg'

async function dataFolderOf(url: string): Promise<string> {
  const client = new Client({ connectionString: url })
  // A server that ends between two statements is told by the next one.
  client.on('error', () => undefined)
  await client.connect()
  try {
    return String((await client.query('SHOW data_directory')).rows[0].data_directory)
  } finally {
    await client.end()
  }
}

async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = Date.now() + 60_000
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error('it did not come about within 60 s')
    await pause(20)
  }
}

test.each(['SIGTERM', 'SIGKILL'] as const)(
  'a server that a test started ends, and its folder goes, when the run is ended by %s',
  async (signal) => {
    const script = `
      const { startOwnPostgres } = await import(${JSON.stringify(new URL('./own-postgres.js', import.meta.url).href)})
      console.log(await (await startOwnPostgres()).createDatabase())
      setInterval(() => {}, 1000)`
    const run = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
    const [line] = await once(run.stdout, 'data')
    const url = String(line).trim()
    const folder = dirname(await dataFolderOf(url))
    expect(existsSync(folder)).toBe(true)
    run.kill(signal)
    const refused = (): Promise<boolean> =>
      dataFolderOf(url).then(
        () => false,
        (error: unknown) => /ECONNREFUSED/.test(String(error)),
      )
    await until(refused)
    await until(() => !existsSync(folder))
  },
)
