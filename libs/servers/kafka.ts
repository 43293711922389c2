import { resolve } from 'node:path'
import { freePort } from '#libs/process/index'
import { ServerError } from './errors.ts'
import { fetchServers, type Tell } from './fetch.ts'
import { takeFolder, type ServerFolder } from './folder.ts'
import { checkJava } from './java.ts'
import { clusterIn, formatKafka, launchKafka, type KafkaNode } from './kafka-node.ts'
import { clusterAt } from './kafka-protocol.ts'
import { end, livingProcess, type ServerProcess } from './process.ts'

export interface KafkaOptions {
  /** The data folder: absent, empty, or one that this function made. */
  readonly folder: string
  /** The port on 127.0.0.1; absent or 0 for a free one. */
  readonly port?: number
  /** The file Kafka logs to: 4 MiB, then it is moved to FILE.1. */
  readonly log: string
  /** Kafka's broker properties, over ours. */
  readonly settings?: Readonly<Record<string, string>>
  /** Hears of the progress of the fetch, which only the first start of all needs. */
  readonly tell?: Tell
  /** Where servers are fetched to; absent for `.servers` of the project. */
  readonly home?: string
  /** Ends a fetch that is under way: the start then throws `stopped`. A server that is being started is not held up by it. */
  readonly stop?: AbortSignal
}

export interface RunningKafka {
  /** `127.0.0.1:PORT` */
  readonly brokers: string
  readonly pid: number
  /** True when a Kafka that a killed run left behind goes on serving. */
  readonly takenOver: boolean
  /** Settles when Kafka has ended, by `stop` or by itself. */
  readonly gone: Promise<void>
  /** Ends it, in peace when it will, and gives the folder free. May be called more than once. */
  stop(): Promise<void>
}

const attempts = 3

/**
 * One Kafka node (KRaft, loopback only, topics are never made by themselves): fetched and laid out at the first start, afterwards
 * started on the data it has, which a kill -9 does not harm. A Kafka left behind by a killed run is taken over when it answers, on the
 * port and with the settings asked for; else it is ended first. Never are there two on one folder.
 * Resolves when it answers for its cluster; it outlives this process unless `stop` is called.
 * @throws ServerError with a line that names the cause and what to do
 */
export async function startKafka(options: KafkaOptions): Promise<RunningKafka> {
  const fetched = await fetchServers(options.tell, options.home, options.stop)
  const folder = takeFolder(options.folder)
  try {
    const found = await leftBehind(folder, options)
    if (found !== undefined) return running(folder, found.server, found.port, true)
    for (let attempt = 1; ; attempt += 1) {
      const port = options.port === undefined || options.port === 0 ? await freePort() : options.port
      const settings = options.settings ?? {}
      const node: KafkaNode = { fetched, folder: folder.path, log: resolve(options.log), port, settings }
      const clusterId = clusterIn(folder.path) ?? (await formatKafka(node))
      const started = await launchKafka(node, clusterId, ({ pid, start }) =>
        folder.remember({ pid, start, port, settings: JSON.stringify(settings) }),
      )
      if (typeof started !== 'string') return running(folder, started, port, false)
      folder.forget()
      if (!/Address already in use/.test(started) || attempt === attempts) throw failure(node, started)
      if (options.port === port && started.includes(`:${port}`)) throw failure(node, started)
    }
  } catch (error) {
    folder.release()
    // Where Java is missing or too old, that is the cause whatever else was said.
    if (error instanceof ServerError && error.fault === 'start-failed') checkJava()
    throw error
  }
}

async function leftBehind(
  folder: ServerFolder,
  options: KafkaOptions,
): Promise<{ server: ServerProcess; port: number } | undefined> {
  const recalled = folder.recall()
  const server = recalled && livingProcess(recalled.pid, recalled.start)
  if (recalled === undefined || server === undefined) return undefined
  const wanted =
    recalled.settings === JSON.stringify(options.settings ?? {}) &&
    (options.port === undefined || options.port === 0 || options.port === recalled.port)
  const clusterId = clusterIn(folder.path)
  if (wanted && clusterId !== undefined && (await clusterAt(recalled.port)) === clusterId) {
    return { server, port: recalled.port }
  }
  await end(server, 'at once')
  return undefined
}

function running(folder: ServerFolder, server: ServerProcess, port: number, takenOver: boolean): RunningKafka {
  return {
    brokers: `127.0.0.1:${port}`,
    pid: server.pid,
    takenOver,
    gone: server.gone,
    async stop() {
      await end(server, 'in peace')
      folder.release()
    },
  }
}

function failure({ port, folder, log }: KafkaNode, printed: string): ServerError {
  if (/Address already in use/.test(printed)) {
    return new ServerError('port-taken', `Kafka cannot listen on 127.0.0.1:${port}, which is taken: name another port.`)
  }
  if (/Failed to acquire lock on file/.test(printed)) {
    return new ServerError(
      'folder-in-use',
      `Another Kafka still runs on the data in ${folder}: end that one, or name another folder.`,
    )
  }
  return new ServerError('start-failed', `Kafka did not start on ${folder}: ${cause(printed)} (more in ${log}).`)
}

/** The last line that names an exception, or the last line. */
function cause(printed: string): string {
  const lines = printed.split('\n').map((line) => line.trim())
  return lines.findLast((line) => /^(Caused by: )?[\w.]+(Exception|Error): /.test(line)) ?? lines.at(-1) ?? ''
}
