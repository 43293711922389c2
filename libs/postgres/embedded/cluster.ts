import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { Account, Runner } from './account.ts'
import type { Binaries } from './binaries.ts'
import { syncFolder, systemCode } from '#libs/process/index'
import { makeSecretFile } from '#libs/secret-files/index'
import { EmbeddedPostgresError, unwritable } from './errors.ts'

/** The one role of an embedded Postgres: its superuser. */
export const role = 'latchkey'

/**
 * True when the folder holds data of this version of Postgres, false when it is empty or absent.
 * @throws EmbeddedPostgresError version-mismatch, folder-foreign, folder-unwritable
 */
export function holdsCluster(folder: string, binaries: Binaries): boolean {
  try {
    if (!existsSync(folder) || readdirSync(folder).length === 0) return false
    const versionFile = join(folder, 'PG_VERSION')
    if (!existsSync(versionFile) || !existsSync(passwordFile(folder))) {
      throw new EmbeddedPostgresError(
        'folder-foreign',
        `${folder} is not empty and holds no Postgres of Latchkey: name another data folder, or move what is there.`,
      )
    }
    const version = readFileSync(versionFile, 'utf8').trim()
    if (version !== binaries.majorVersion) {
      throw new EmbeddedPostgresError(
        'version-mismatch',
        `The data in ${folder} is of Postgres ${version}, and this Latchkey brings Postgres ${binaries.majorVersion}: dump it with the Latchkey that wrote it and restore it into a new folder.`,
      )
    }
    return true
  } catch (error) {
    throw error instanceof EmbeddedPostgresError ? error : unwritable(folder, error)
  }
}

/** The password of the role, which only this user (and root) can read. */
export function readPassword(folder: string): string {
  try {
    return readFileSync(passwordFile(folder), 'utf8').trim()
  } catch (error) {
    throw unwritable(folder, error)
  }
}

/**
 * Makes the data folder: all of it or none, however the process ends.
 * The caller owns the folder (see owner.ts).
 * @throws EmbeddedPostgresError initdb-failed, folder-unwritable
 */
export async function createCluster(
  folder: string,
  binaries: Binaries,
  runner: Runner,
  account: Account | undefined,
  durable: boolean,
): Promise<void> {
  let draft: string | undefined
  try {
    draft = mkdtempSync(`${folder}${draftSuffix}`)
    const cluster = join(draft, 'cluster')
    const password = join(draft, 'password')
    makeSecretFile(password, () => randomBytes(24).toString('base64url'))
    if (account !== undefined) for (const path of [draft, password]) chownSync(path, account.uid, account.gid)
    await initdb(cluster, password, binaries, runner, durable)
    renameSync(password, passwordFile(cluster))
    if (durable) syncFolder(cluster)
    renameSync(cluster, folder)
    if (durable) syncFolder(dirname(folder))
  } catch (error) {
    throw error instanceof EmbeddedPostgresError ? error : unwritable(folder, error)
  } finally {
    if (draft !== undefined) rmSync(draft, { recursive: true, force: true })
  }
}

const draftSuffix = '.new-'

/**
 * Removes what first starts left that were killed. An initdb of theirs may still be at work, and fails then; what it wrote
 * meanwhile is left to the next start. The caller owns the folder.
 * @throws EmbeddedPostgresError folder-unwritable
 */
export function removeDrafts(folder: string): void {
  const parent = dirname(folder)
  for (const name of readdirSync(parent).filter((name) => name.startsWith(basename(folder) + draftSuffix))) {
    try {
      rmSync(join(parent, name), { recursive: true, force: true })
    } catch (error) {
      if (systemCode(error) !== 'ENOTEMPTY') throw unwritable(folder, error)
    }
  }
}

function initdb(
  cluster: string,
  password: string,
  binaries: Binaries,
  runner: Runner,
  durable: boolean,
): Promise<void> {
  const [program = binaries.initdb, ...words] = [
    ...runner.prefix,
    binaries.initdb,
    `--pgdata=${cluster}`,
    `--username=${role}`,
    `--pwfile=${password}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--no-locale',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    '--no-instructions',
    ...(durable ? [] : ['--no-sync']),
  ]
  return new Promise((resolve, reject) => {
    const failed = (why: string) =>
      reject(
        new EmbeddedPostgresError(
          'initdb-failed',
          `Postgres could not lay out ${cluster}: ${why}. Mend that and start again; nothing was kept.`,
        ),
      )
    const child = spawn(program, words, {
      ...runner.options,
      cwd: '/',
      env: { PATH: process.env['PATH'], ...binaries.environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    child.stdout.on('data', (chunk) => (output += String(chunk)))
    child.stderr.on('data', (chunk) => (output += String(chunk)))
    child.on('error', (error) => failed(error.message))
    child.on('close', (code, signal) =>
      code === 0 ? resolve() : failed(cause(output) ?? `initdb ended by ${signal ?? code}`),
    )
  })
}

/** The last line of initdb that tells a cause: what follows it only says what is being cleared away. */
function cause(output: string): string | undefined {
  const lines = output.split('\n').filter((line) => line.trim() !== '')
  return lines.findLast((line) => /error|fatal|could not|cannot/i.test(line)) ?? lines.at(-1)
}

const passwordFile = (folder: string): string => join(folder, 'latchkey.password')
