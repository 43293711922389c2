import { accessSync, constants } from 'node:fs'
import { connect } from 'node:net'
import { delimiter, join, resolve } from 'node:path'
import { freePort } from '#libs/process/index'
import { ServerError } from './errors.ts'
import { fetchServers, type Tell } from './fetch.ts'
import { takeFolder } from './folder.ts'
import { end, launch, livingProcess } from './process.ts'

export interface RedisOptions {
  /** Its folder: absent, empty, or one that this function made. Redis keeps nothing there but its process id. */
  readonly folder: string
  /** The port on 127.0.0.1; absent or 0 for a free one. */
  readonly port?: number
  /** The file Redis logs to; moved to FILE.1 at a start when it has grown over 8 MiB. */
  readonly log: string
  /** Redis settings, over ours. */
  readonly settings?: Readonly<Record<string, string>>
  /** Hears of the progress of the fetch, which only the first start of all needs, and only where no Redis is installed. */
  readonly tell?: Tell
  /** Where servers are fetched to; absent for `.servers` of the project. */
  readonly home?: string
  /** Ends a fetch that is under way: the start then throws `stopped`. A server that is being started is not held up by it. */
  readonly stop?: AbortSignal
}

export interface RunningRedis {
  /** `redis://127.0.0.1:PORT` */
  readonly url: string
  readonly pid: number
  /** Settles when Redis has ended, by `stop` or by itself. */
  readonly gone: Promise<void>
  /** Ends it and gives the folder free. May be called more than once. */
  stop(): Promise<void>
}

/** Nonces that it evicted could be used again. */
const ours = { bind: '127.0.0.1', save: '', appendonly: 'no', maxmemory: '256mb', 'maxmemory-policy': 'noeviction' }
const attempts = 3

/**
 * A Redis that forgets everything when it ends: the `redis-server` on the PATH, else the 6.2 that was fetched. One left behind by a
 * killed run is ended first. Resolves when it answers PING; it outlives this process unless `stop` is called.
 * @throws ServerError with a line that names the cause and what to do
 */
export async function startRedis(options: RedisOptions): Promise<RunningRedis> {
  const program = installedRedis() ?? (await fetchServers(options.tell, options.home, options.stop)).redis
  const folder = takeFolder(options.folder)
  const log = resolve(options.log)
  try {
    const recalled = folder.recall()
    const left = recalled && livingProcess(recalled.pid, recalled.start)
    if (left !== undefined) await end(left, 'at once')
    for (let attempt = 1; ; attempt += 1) {
      const port = options.port === undefined || options.port === 0 ? await freePort() : options.port
      const settings = { ...ours, ...options.settings, dir: folder.path, port: String(port) }
      const words = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value])
      const started = await launch(
        {
          program,
          words,
          folder: folder.path,
          log,
          started: ({ pid, start }) => folder.remember({ pid, start, port, settings: '' }),
        },
        () => answers(port),
      )
      if (typeof started !== 'string') {
        const { pid, gone } = started
        const stop = async () => {
          await end(started, 'in peace')
          folder.release()
        }
        return { url: `redis://127.0.0.1:${port}`, pid, gone, stop }
      }
      folder.forget()
      const taken = /Address already in use/i.test(started)
      if (taken && options.port === port) {
        throw new ServerError(
          'port-taken',
          `Redis cannot listen on 127.0.0.1:${port}, which is taken: name another port.`,
        )
      }
      if (!taken || attempt === attempts) {
        const why = started.trim().split('\n').at(-1)
        throw new ServerError('start-failed', `Redis (${program}) did not start: ${why} (more in ${log}).`)
      }
    }
  } catch (error) {
    folder.release()
    throw error
  }
}

function installedRedis(): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '')
  return folders
    .map((folder) => join(folder, 'redis-server'))
    .find((program) => {
      try {
        accessSync(program, constants.X_OK)
        return true
      } catch {
        return false
      }
    })
}

const answerMilliseconds = 2_000

/** Also a Redis that wants a password first answers. */
function answers(port: number): Promise<boolean> {
  return new Promise((settle) => {
    const socket = connect(port, '127.0.0.1')
    socket.setTimeout(answerMilliseconds, () => socket.destroy())
    socket.once('connect', () => socket.write('PING\r\n'))
    socket.once('data', (answer) => {
      socket.destroy()
      settle(/^(\+PONG|-NOAUTH)/.test(answer.toString('latin1')))
    })
    socket.once('error', () => settle(false))
    socket.once('close', () => settle(false))
  })
}
