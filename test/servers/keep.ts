import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * Keeps one server for a test run: prints its address, and ends it with all it wrote when standard input closes. That happens however
 * the run ends, a kill -9 included, so nothing is left behind. A server that cannot be had is told in the last line of standard error.
 */
export async function keep(
  start: (folder: string) => Promise<{ readonly address: string; stop(): Promise<void> }>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-test-'))
  const remove = () => rmSync(folder, { recursive: true, force: true })
  try {
    const { address, stop } = await start(folder)
    process.stdout.write(address)
    process.stdin.resume().once('close', () => void stop().catch(fail).then(remove))
  } catch (error) {
    remove()
    fail(error)
  }
}

function fail(error: unknown): void {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}

/** For the progress of a fetch. */
export const tell = (line: string): void => void process.stderr.write(`${line}\n`)
