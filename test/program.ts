import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Latchkey as its users start it: where each service answers, and how it is ended. */
export interface Program {
  readonly addresses: Readonly<Record<'gateway' | 'keys' | 'directory' | 'audit', string>>
  readonly adminToken: string
  /** Everything that it wrote so far, but for the banner of its start, which shows the key of a first connection. */
  logs(): string
  /** Sends SIGTERM; resolves with the exit code when it has ended and its data folder is removed. */
  stop(): Promise<number | null>
}

/** The standalone shape, over the given database. */
export async function startStandalone(databaseUrl: string, settings: NodeJS.ProcessEnv): Promise<Program> {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-test-'))
  const main = fileURLToPath(new URL('../apps/standalone/src/main.js', import.meta.url))
  const child = spawn(process.execPath, [main], {
    env: {
      PATH: process.env['PATH'],
      LATCHKEY_DATA: folder,
      LATCHKEY_PORT: '0',
      DATABASE_URL: databaseUrl,
      ...settings,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const kill = (): boolean => child.kill('SIGKILL')
  process.once('exit', kill)
  const exit = once(child, 'exit').finally(() => process.off('exit', kill))
  let printed = ''
  let logged = ''
  child.stderr.on('data', (chunk) => void (logged += String(chunk)))
  const address = await new Promise<string>((resolve, reject) => {
    child.stdout.on('data', (chunk) => {
      printed += String(chunk)
      const [, found] = /^Latchkey is ready at (\S+)\n[^]*^curl .*\n/m.exec(printed) ?? []
      if (found !== undefined) resolve(found)
    })
    void exit.then(() => reject(new Error(`the program ended before it was ready: ${logged}`)))
  })
  const banner = printed.length
  return {
    addresses: { gateway: address, keys: address, directory: address, audit: address },
    adminToken: readFileSync(join(folder, 'admin-token'), 'utf8').trim(),
    logs: () => logged + printed.slice(banner),
    async stop() {
      child.kill('SIGTERM')
      const [code] = await exit
      rmSync(folder, { recursive: true, force: true })
      return code
    },
  }
}
