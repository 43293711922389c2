import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const keepers: ChildProcess[] = []
const given = { postgres: 'TEST_POSTGRES_URL', kafka: 'TEST_KAFKA_BROKERS', redis: 'TEST_REDIS_URL' } as const

/**
 * Before the first test of a project: starts those of its servers that the run does not have yet, all at once, and names them in
 * TEST_*. A server that cannot be had fails the run with the line that says why.
 * Jest loads this module once, in its own process, whichever projects are run.
 */
export async function need(...servers: (keyof typeof given)[]): Promise<void> {
  const missing = servers.filter((server) => process.env[given[server]] === undefined)
  const found = await Promise.allSettled(missing.map(start))
  for (const result of found) if (result.status === 'rejected') throw result.reason
}

async function start(server: keyof typeof given): Promise<void> {
  const program = fileURLToPath(new URL(`./keep-${server}.js`, import.meta.url))
  const keeper = spawn(process.execPath, [program], { stdio: 'pipe', detached: true })
  keepers.push(keeper)
  let told = ''
  keeper.stderr.on('data', (chunk) => {
    told += String(chunk)
    process.stderr.write(chunk)
  })
  const [address] = await Promise.race([once(keeper.stdout, 'data'), once(keeper, 'close').then(() => [undefined])])
  if (address === undefined) throw new Error(`the tests need ${server}. ${told.trim().split('\n').at(-1)}`)
  process.env[given[server]] = String(address)
}

/** After the last test. */
export async function endKeepers(): Promise<void> {
  await Promise.all(
    keepers.splice(0).map(async (keeper) => {
      if (keeper.exitCode !== null) return
      const exit = once(keeper, 'exit')
      keeper.stdin?.end()
      await exit
    }),
  )
}
