import { execFileSync } from 'node:child_process'
import { readFileSync, readlinkSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Runner } from './account.ts'
import type { Binaries } from './binaries.ts'
import { freePort, openLog, type OpenLog, startDetached, systemCode } from '#libs/process/index'
import { EmbeddedPostgresError, unwritable } from './errors.ts'

/** A running Postgres server process and where it listens. */
export interface Postmaster {
  readonly pid: number
  readonly port: number
  /** The folder of its unix socket, unless its path is too long for one. */
  readonly socket?: string
  /** Settles when the process is gone, whatever ended it. */
  readonly gone: Promise<void>
}

const pollMilliseconds = 5
const startMilliseconds = 5 * 60_000
const stopMilliseconds = 30_000
/** How many settings tell where it listens, which `launch` adds. */
const placeSettings = 3

/**
 * The living postmaster of the folder, once it accepts connections; undefined when there is none. A process id file that names
 * a dead or a foreign process is removed, and one that is shutting down is waited for.
 */
export async function findPostmaster(folder: string): Promise<Postmaster | undefined> {
  for (;;) {
    const file = pidFile(folder)
    if (file === undefined) return undefined
    if (!isPostmasterOf(file.pid, folder)) {
      rmSync(join(folder, 'postmaster.pid'), { force: true })
      return undefined
    }
    if (file.status === 'ready') return { ...address(file), gone: whenGone(file.pid, folder) }
    await pause(pollMilliseconds)
  }
}

/** Whether the folder's postmaster was started with these settings, and no others. */
export function wasStartedWith(folder: string, settings: Readonly<Record<string, string>>): boolean {
  let words: string
  try {
    words = readFileSync(join(folder, 'postmaster.opts'), 'utf8')
  } catch {
    return false
  }
  // The file holds each word in double quotes, and a quote within as it is.
  const isTold = ([name, value]: [string, string]): boolean => words.includes(`"-c" "${name}=${value}"`)
  const told = words.split('"-c" "').length - 1
  return Object.entries(settings).every(isTold) && told === Object.keys(settings).length + placeSettings
}

/**
 * Starts the server as `startDetached` does. Resolves when it accepts connections.
 * @throws EmbeddedPostgresError start-failed, port-taken, folder-unwritable (for the log)
 */
export async function startPostmaster(
  folder: string,
  binaries: Binaries,
  runner: Runner,
  port: number,
  settings: Readonly<Record<string, string>>,
  log: string,
): Promise<Postmaster> {
  const deadline = Date.now() + startMilliseconds
  for (;;) {
    const chosen = port === 0 ? await freePort() : port
    const attempt = await launch(folder, binaries, runner, chosen, settings, log, deadline)
    if (typeof attempt !== 'string') return attempt
    const inUse = /could not bind|Address already in use/i.test(attempt)
    if (inUse && port !== 0) {
      throw new EmbeddedPostgresError(
        'port-taken',
        `Postgres cannot listen on 127.0.0.1:${port}, which is taken: name another port.`,
      )
    }
    // After kill -9 of the postmaster its last children hold the shared memory for a moment.
    const passing = inUse || /pre-existing shared memory block|lock file "postmaster.pid" already exists/.test(attempt)
    if (!passing || Date.now() > deadline) {
      throw new EmbeddedPostgresError(
        'start-failed',
        `Postgres did not start on ${folder}: ${cause(attempt)} (more in ${log}).`,
      )
    }
    await pause(100)
  }
}

/**
 * Asks the server to end and resolves when it is gone: `fast` writes a checkpoint first (at most 30 seconds, then it is ended
 * as by `immediate`, which leaves recovery to the next start).
 */
export async function stopPostmaster(postmaster: Postmaster, how: 'fast' | 'immediate'): Promise<void> {
  signal(postmaster.pid, how === 'fast' ? 'SIGINT' : 'SIGQUIT')
  // Also keeps this process from ending while it waits: neither the child nor the look at a foreign one does.
  const impatience = setTimeout(() => signal(postmaster.pid, 'SIGQUIT'), stopMilliseconds)
  await postmaster.gone
  clearTimeout(impatience)
}

function signal(pid: number, name: 'SIGINT' | 'SIGQUIT'): void {
  try {
    process.kill(pid, name)
  } catch (error) {
    if (systemCode(error) !== 'ESRCH') throw error
  }
}

/** The server once it is ready, or what it logged when it ended before. */
async function launch(
  folder: string,
  binaries: Binaries,
  runner: Runner,
  port: number,
  settings: Readonly<Record<string, string>>,
  log: string,
  deadline: number,
): Promise<Postmaster | string> {
  const all: Record<string, string> = { ...settings, listen_addresses: '127.0.0.1', port: String(port) }
  all['unix_socket_directories'] = socketFits(folder) ? folder : ''
  const [program = binaries.postgres, ...words] = [
    ...runner.prefix,
    binaries.postgres,
    '-D',
    folder,
    ...Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ]
  const { environment: env } = binaries
  const child = startDetached(program, words, open(log), { ...runner.options, cwd: '/', env })
  for (;;) {
    const ended = child.ended()
    if (ended !== undefined) return ended
    const file = pidFile(folder)
    if (file?.pid === child.pid && file?.status === 'ready') return { ...address(file), gone: child.gone }
    if (Date.now() > deadline) {
      child.kill('SIGQUIT')
      return `it was not ready after ${startMilliseconds / 60_000} minutes`
    }
    await pause(pollMilliseconds)
  }
}

function open(log: string): OpenLog {
  try {
    return openLog(log)
  } catch (error) {
    throw unwritable(log, error)
  }
}

interface PidFile {
  readonly pid: number
  readonly port: number
  readonly socket: string
  readonly status: string
}

function pidFile(folder: string): PidFile | undefined {
  try {
    // Lines: process id, data folder, start time, port, socket folder, listen address, shared memory, status.
    const lines = readFileSync(join(folder, 'postmaster.pid'), 'utf8').split('\n')
    const line = (number: number) => (lines[number] ?? '').trim()
    return { pid: Number(line(0)), port: Number(line(3)), socket: line(4), status: line(7) }
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw unwritable(folder, error)
  }
}

const address = ({ pid, port, socket }: PidFile): Omit<Postmaster, 'gone'> => ({
  pid,
  port,
  ...(socket === '' ? {} : { socket }),
})

/** A unix socket's path holds about 100 bytes on every system. */
const socketFits = (folder: string): boolean => Buffer.byteLength(join(folder, '.s.PGSQL.65535')) < 100

function isPostmasterOf(pid: number, folder: string): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 1) return false
  try {
    process.kill(pid, 0)
    // A postmaster works in its data folder, and was told it by -D.
    return process.platform === 'linux'
      ? readlinkSync(`/proc/${pid}/cwd`) === folder
      : execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).includes(`-D ${folder} `)
  } catch {
    return false
  }
}

/** For a postmaster that is not our child: no one tells us of its end, so we look. */
async function whenGone(pid: number, folder: string): Promise<void> {
  while (isPostmasterOf(pid, folder)) await pause(100, undefined, { ref: false })
}

/** The line of a log that tells why the server ended, or its last lines. */
function cause(text: string): string {
  const lines = text.split('\n').map((line) => line.replace(/^\d{4}-\d\d-\d\d [\d:.]+ \S+ \[\d+\] /, '').trim())
  return lines.find((line) => /^(FATAL|PANIC):/.test(line)) ?? lines.slice(-3).join(' ')
}
