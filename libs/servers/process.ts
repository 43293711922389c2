import { setTimeout as pause } from 'node:timers/promises'
import { openLog, type OpenLog, startDetached, startOf, systemCode } from '#libs/process/index'
import { ServerError, unwritable } from './errors.ts'

/** A server process that outlives this one unless it is ended. */
export interface ServerProcess {
  readonly pid: number
  /** When it started, as a word that no later process of the same id will repeat. */
  readonly start: string
  /** Settles when the process is gone, whatever ended it. */
  readonly gone: Promise<void>
}

export interface Launch {
  readonly program: string
  readonly words: readonly string[]
  readonly environment?: NodeJS.ProcessEnv
  readonly folder: string
  /** What it prints is added to this file, which is moved to FILE.1 first when it has grown over 8 MiB. */
  readonly log: string
  /** Told as soon as the process is there, long before it answers. */
  started(server: Pick<ServerProcess, 'pid' | 'start'>): void
}

const pollMilliseconds = 10
const startMilliseconds = 2 * 60_000
const stopMilliseconds = 15_000

/**
 * Starts the program as `startDetached` does, and asks `ready` until it says true. What it printed is given back instead when it ends before.
 * @throws ServerError start-failed after two minutes; folder-unwritable for the log
 */
export async function launch(wanted: Launch, ready: () => Promise<boolean>): Promise<ServerProcess | string> {
  const { program, words, environment, folder, log } = wanted
  const child = startDetached(program, words, open(log), { cwd: folder, env: environment })
  const { pid, gone } = child
  // While the child runs: its start cannot be read afterwards.
  const start = pid === undefined ? undefined : startOf(pid)
  if (pid !== undefined && start !== undefined) wanted.started({ pid, start })
  const deadline = Date.now() + startMilliseconds
  for (;;) {
    const ended = child.ended()
    if (ended !== undefined) return ended
    if (pid !== undefined && start !== undefined && (await ready())) return { pid, start, gone }
    if (Date.now() > deadline) {
      child.kill('SIGKILL')
      throw new ServerError(
        'start-failed',
        `${program} did not answer within ${startMilliseconds / 60_000} minutes: see ${log}.`,
      )
    }
    await pause(pollMilliseconds)
  }
}

/** The process when it still lives, as one that is not our child. */
export function livingProcess(pid: number, start: string): ServerProcess | undefined {
  const lives = () => startOf(pid) === start
  const gone = async () => {
    while (lives()) await pause(100, undefined, { ref: false })
  }
  return lives() ? { pid, start, gone: gone() } : undefined
}

/** Asks the server to end and resolves when it is gone; after 15 seconds, or when told `at once`, it is killed. */
export async function end(server: ServerProcess, how: 'in peace' | 'at once'): Promise<void> {
  signal(server, how === 'in peace' ? 'SIGTERM' : 'SIGKILL')
  // Also keeps this process from ending while it waits.
  const impatience = setTimeout(() => signal(server, 'SIGKILL'), stopMilliseconds)
  await server.gone
  clearTimeout(impatience)
}

function signal({ pid, start }: ServerProcess, name: 'SIGTERM' | 'SIGKILL'): void {
  // Once it is gone, another process may have its id.
  if (startOf(pid) !== start) return
  try {
    process.kill(pid, name)
  } catch (error) {
    if (systemCode(error) !== 'ESRCH') throw error
  }
}

function open(log: string): OpenLog {
  try {
    return openLog(log)
  } catch (error) {
    throw unwritable(log, error)
  }
}
