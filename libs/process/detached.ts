import { spawn, type SpawnOptions } from 'node:child_process'
import { closeSync } from 'node:fs'
import { logged, type OpenLog } from './log.ts'

/** A server process that outlives this one unless it is ended. */
export interface Detached {
  /** Undefined where it could not be started, which `ended` then tells. */
  readonly pid: number | undefined
  /** Settles when the process is gone, whatever ended it. */
  readonly gone: Promise<void>
  /** Undefined until it has ended; then what it logged, or how it ended where it logged nothing. */
  ended(): string | undefined
  kill(signal: 'SIGKILL' | 'SIGQUIT'): void
}

/**
 * Starts the program in a session of its own, so that a Ctrl-C meant for Latchkey leaves it serving until Latchkey has drained. What it prints goes
 * into the log, whose descriptor is closed here; of our environment it has PATH alone.
 */
export function startDetached(
  program: string,
  words: readonly string[],
  { descriptor, path, size }: OpenLog,
  options: Pick<SpawnOptions, 'cwd' | 'env' | 'uid' | 'gid'>,
): Detached {
  const child = spawn(program, words, {
    ...options,
    env: { PATH: process.env['PATH'], ...options.env },
    detached: true,
    stdio: ['ignore', descriptor, descriptor],
  })
  closeSync(descriptor)
  child.unref()
  let ended: string | undefined
  const gone = new Promise<void>((settle) => {
    const end = (how: string) => {
      ended = how
      settle()
    }
    child.once('error', (error) => end(error.message))
    child.once('exit', (code, by) => end(`it ended by ${by ?? `exit code ${code}`}`))
  })
  return {
    pid: child.pid,
    gone,
    ended: () => ended && (logged(path, size) ?? ended),
    kill: (signal) => void child.kill(signal),
  }
}
