import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

/** The keeper of this run's Postgres, for teardown.ts: both are loaded by jest's own process. */
export const keepers: ChildProcess[] = []

/**
 * Before the first test that needs Postgres: starts one for the whole run and names it in TEST_POSTGRES_URL.
 * A Postgres that cannot be had fails the run with the line that says why.
 */
export default async function setup(): Promise<void> {
  const program = fileURLToPath(new URL('./keep-postgres.js', import.meta.url))
  const keeper = spawn(process.execPath, [program], { stdio: 'pipe', detached: true })
  keepers.push(keeper)
  const failure = text(keeper.stderr)
  const [url] = await Promise.race([once(keeper.stdout, 'data'), once(keeper, 'exit').then(() => [undefined])])
  if (url === undefined) throw new Error(`the tests need Postgres. ${await failure}`)
  process.env['TEST_POSTGRES_URL'] = String(url)
}
