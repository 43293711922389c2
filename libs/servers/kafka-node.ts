import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '#libs/process/index'
import { ServerError } from './errors.ts'
import type { Fetched } from './fetch.ts'
import { javaProgram } from './java.ts'
import { clusterAt } from './kafka-protocol.ts'
import { log4jConfiguration, properties } from './kafka-settings.ts'
import { launch, type ServerProcess } from './process.ts'

/** One Kafka: where it keeps its files, and how it is to run. */
export interface KafkaNode {
  readonly fetched: Fetched
  readonly folder: string
  readonly log: string
  readonly port: number
  readonly settings: Readonly<Record<string, string>>
  /** A file to write the classes down to when it ends. */
  readonly dumpClasses?: string
}

/** The cluster's id when the folder holds data, else undefined. */
export function clusterIn(folder: string): string | undefined {
  const file = join(folder, 'data/meta.properties')
  return existsSync(file) ? /^cluster\.id=(.*)$/m.exec(readFileSync(file, 'utf8'))?.[1] : undefined
}

/**
 * Lays the data folder out, all of it or none, and returns the cluster's new id.
 * @throws ServerError start-failed
 */
export async function formatKafka(node: KafkaNode): Promise<string> {
  const draft = join(node.folder, 'data.new')
  rmSync(draft, { recursive: true, force: true })
  // Letters first: the tool takes an id that begins with a dash for another option.
  const clusterId = Buffer.from([1, ...randomBytes(15)]).toString('base64url')
  const file = join(node.folder, 'format.properties')
  writeFileSync(file, properties(draft, node.port, 1, {}))
  const words = [...javaWords(node), 'kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', file]
  const child = spawn(javaProgram(), words, { cwd: node.folder, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  child.stdout.on('data', (chunk) => (output += String(chunk)))
  child.stderr.on('data', (chunk) => (output += String(chunk)))
  const ended = await new Promise<number | string | null>((settle) => {
    child.once('error', (error) => settle(error.message))
    child.once('close', (code, signal) => settle(code ?? signal))
  })
  if (ended !== 0) {
    const why = output.trim().split('\n').at(-1) ?? ''
    throw new ServerError(
      'start-failed',
      `Kafka could not lay out its data in ${node.folder}: ${why === '' ? ended : why}`,
    )
  }
  rmSync(file)
  renameSync(draft, join(node.folder, 'data'))
  return clusterId
}

/** Starts it, and resolves when it answers for its cluster; with what it printed when it ended before. */
export async function launchKafka(
  node: KafkaNode,
  clusterId: string,
  started: (server: Pick<ServerProcess, 'pid' | 'start'>) => void,
): Promise<ServerProcess | string> {
  const file = join(node.folder, 'server.properties')
  writeFileSync(file, properties(join(node.folder, 'data'), node.port, await freePort(), node.settings))
  return launch(
    {
      program: javaProgram(),
      words: [...javaWords(node), 'kafka.Kafka', file],
      folder: node.folder,
      log: node.log,
      started,
    },
    async () => (await clusterAt(node.port)) === clusterId,
  )
}

function javaWords({ fetched, folder, log, dumpClasses }: KafkaNode): string[] {
  const logging = join(folder, 'log4j2.xml')
  writeFileSync(logging, log4jConfiguration)
  return [
    '-Xms32m',
    '-Xmx256m',
    '-Xss512k',
    '-XX:+UseSerialGC',
    '-XX:TieredStopAtLevel=1',
    '-XX:+ExitOnOutOfMemoryError',
    '-XX:-UsePerfData',
    ...(dumpClasses === undefined
      ? ['-Xshare:auto', '-Xlog:disable', `-XX:SharedArchiveFile=${fetched.classArchive}`]
      : ['-Xlog:disable', `-XX:ArchiveClassesAtExit=${dumpClasses}`]),
    '-Djava.awt.headless=true',
    `-Dlog4j2.configurationFile=${logging}`,
    `-Dlatchkey.log=${log}`,
    '-cp',
    join(fetched.kafka, '*'),
  ]
}
