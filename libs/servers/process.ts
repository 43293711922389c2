import { spawn } from 'node:child_process'
import { closeSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { logged, openLog, type OpenLog, startOf, systemCode } from '#libs/process/index'
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
 * Starts the program in a session of its own, so that a Ctrl-C meant for Latchkey leaves it serving until Latchkey has drained,
 * and asks `ready` until it says true. What it printed is given back instead when it ends before.
 * @throws ServerError start-failed after two minutes; folder-unwritable for the log
 */
export async function launch(wanted: Launch, ready: () => Promise<boolean>): Promise<ServerProcess | string> {
  const { descriptor, size } = open(wanted.log)
  const child = spawn(wanted.program, wanted.words, {
    cwd: wanted.folder,
    env: { PATH: process.env['PATH'], ...wanted.environment },
    detached: true,
    stdio: ['ignore', descriptor, descriptor],
  })
  closeSync(descriptor)
  child.unref()
  let ended: string | undefined
  const gone = new Promise<void>((settle) => {
    const end = (why: string) => {
      ended = why
      settle()
    }
    child.once('error', (error) => end(error.message))
    child.once('exit', (code, by) => end(`it ended by ${by ?? `exit code ${code}`}`))
  })
  // While the child runs: its start cannot be read afterwards.
  const start = child.pid === undefined ? undefined : startOf(child.pid)
  if (child.pid !== undefined && start !== undefined) wanted.started({ pid: child.pid, start })
  const deadline = Date.now() + startMilliseconds
  while (ended === undefined) {
    if (child.pid !== undefined && start !== undefined && (await ready())) return { pid: child.pid, start, gone }
    if (Date.now() > deadline) {
      child.kill('SIGKILL')
      throw new ServerError(
        'start-failed',
        `${wanted.program} did not answer within ${startMilliseconds / 60_000} minutes: see ${wanted.log}.`,
      )
    }
    await pause(pollMilliseconds)
  }
  return logged(wanted.log, size) ?? ended
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
