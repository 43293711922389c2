import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, realpathSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A folder of a test's own, for the servers and programs that it starts. */
export interface OwnFolder {
  /** Free of links. */
  readonly path: string
  /** Ends what still works in it, and removes it. */
  remove(): Promise<void>
}

/** That is done in any case once this process has ended, however it ended. */
export function ownFolder(): OwnFolder {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'latchkey-test-')))
  const program = fileURLToPath(new URL('./keep-folder.js', import.meta.url))
  const keeper = spawn(process.execPath, [program, path], { stdio: ['pipe', 'ignore', 'ignore'], detached: true })
  keeper.unref()
  return {
    path,
    async remove() {
      const exit = once(keeper, 'exit')
      keeper.ref()
      keeper.stdin.end()
      const [code] = await exit
      if (code !== 0) throw new Error(`what worked in ${path} could not be ended, or the folder not be removed`)
    },
  }
}
