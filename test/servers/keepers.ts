import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { type OwnFolder, ownFolder } from './own-folder.ts'

let folder: OwnFolder | undefined
const keepers: ChildProcess[] = []
const kept = {
  postgres: { by: ['keep-postgres'], given: 'TEST_POSTGRES_URL' },
  kafka: { by: ['keep-kafka'], given: 'TEST_KAFKA_BROKERS' },
  redis: { by: ['keep-redis'], given: 'TEST_REDIS_URL' },
  standalone: { by: ['keep-program', 'standalone'], given: 'TEST_STANDALONE' },
  distributed: { by: ['keep-program', 'distributed'], given: 'TEST_DISTRIBUTED' },
} as const
type Kept = keyof typeof kept

/**
 * Before the first test of a project: starts those of its servers that the run does not have yet, all at once, and names them in
 * TEST_*; TEST_FOLDER is a folder for files of the run's tests. A server that cannot be had fails the run with the line that says why.
 * Jest loads this module once, in its own process, whichever projects are run.
 */
export async function need(...servers: Kept[]): Promise<void> {
  folder ??= ownFolder()
  process.env['TEST_FOLDER'] = folder.path
  const missing = servers.filter((server) => process.env[kept[server].given] === undefined)
  const found = await Promise.allSettled(missing.map(start))
  for (const result of found) if (result.status === 'rejected') throw result.reason
}

async function start(server: Kept): Promise<void> {
  const { by, given } = kept[server]
  const [program, ...words] = by
  const keeper = spawn(process.execPath, [fileURLToPath(new URL(`./${program}.js`, import.meta.url)), ...words], {
    stdio: 'pipe',
    detached: true,
  })
  keepers.push(keeper)
  let told = ''
  keeper.stderr.on('data', (chunk) => {
    told += String(chunk)
    process.stderr.write(chunk)
  })
  const [address] = await Promise.race([once(keeper.stdout, 'data'), once(keeper, 'close').then(() => [undefined])])
  if (address === undefined) throw new Error(`the tests need ${server}. ${told.trim().split('\n').at(-1)}`)
  process.env[given] = String(address)
}

/** After the last test: what was started last goes first, as it may need what was there before. The folder goes too. */
export async function endKeepers(): Promise<void> {
  for (const keeper of keepers.splice(0).reverse()) {
    if (keeper.exitCode !== null) continue
    const exit = once(keeper, 'exit')
    keeper.stdin?.end()
    const [code] = await exit
    if (code !== 0) throw new Error('a server of the tests did not end well: what it said is above')
  }
  await folder?.remove()
  folder = undefined
}
