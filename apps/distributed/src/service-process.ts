import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { type Beside, StartError } from '#libs/program/index'

export const services = ['gateway', 'keys', 'directory', 'audit'] as const
export type ServiceName = (typeof services)[number]

export interface ServiceProcess extends Beside {
  readonly url: string
  /** What it printed before the line that says it is ready. */
  readonly banner: string
}

/** Longer than a service takes to answer what is in flight, write what is queued, and give up on what is away. */
const stopMilliseconds = 70_000

/**
 * Starts one service as a process of its own, which ends when this one does, however that ends. Resolves when it is ready, however
 * long it waits for what it needs. It does not share our terminal: a Ctrl-C reaches it from us, in its turn.
 * @throws StartError when it ends before, or `stop` is given; it then runs no longer
 */
export async function startServiceProcess(
  name: ServiceName,
  env: NodeJS.ProcessEnv,
  stop: AbortSignal,
): Promise<ServiceProcess> {
  const main = fileURLToPath(new URL(`../../${name}/src/main.js`, import.meta.url))
  const child = spawn(process.execPath, [main], {
    env: { ...process.env, ...env },
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  })
  const gone = once(child, 'exit')
  const lives = (): boolean => child.exitCode === null && child.signalCode === null
  const giveUp = (): void => void child.kill('SIGTERM')
  stop.addEventListener('abort', giveUp)
  if (stop.aborted) giveUp()
  const ready = await Promise.race([readiness(name, child), gone.then(() => undefined)])
  stop.removeEventListener('abort', giveUp)
  if (ready === undefined) {
    throw new StartError(`The ${name} service ended before it was ready (${howItEnded(child)}).`)
  }
  return {
    ...ready,
    pid: child.pid ?? 0,
    gone,
    async stop() {
      if (!lives()) return
      child.kill('SIGTERM')
      const impatience = setTimeout(() => child.kill('SIGKILL'), stopMilliseconds)
      await gone
      clearTimeout(impatience)
      if (child.exitCode !== 0) throw new Error(`the ${name} service ended otherwise than asked (${howItEnded(child)})`)
    },
  }
}

/** Reads what the service prints until it has said that it is ready. */
function readiness(name: ServiceName, child: ChildProcess): Promise<Pick<ServiceProcess, 'url' | 'banner'>> {
  const said = new RegExp(`^([^]*?)^Latchkey ${name} is ready at (\\S+)\\n`, 'm')
  let printed = ''
  return new Promise((resolve) => {
    const read = (chunk: unknown): void => {
      printed += String(chunk)
      const [, banner = '', url] = said.exec(printed) ?? []
      if (url === undefined) return
      child.stdout?.off('data', read).resume()
      resolve({ url, banner })
    }
    child.stdout?.on('data', read)
  })
}

function howItEnded({ exitCode, signalCode }: ChildProcess): string {
  return signalCode ?? `exit code ${exitCode}`
}
