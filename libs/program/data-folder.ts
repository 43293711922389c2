import { randomBytes } from 'node:crypto'
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { formatPeppers, generatePeppers, parsePeppers, type Peppers, UnreadablePeppers } from '#libs/credentials/index'
import { StartError } from './start-error.ts'
import { systemCode } from '#libs/process/index'

/** What Latchkey keeps in files. Those with secrets have mode 600. */
export class DataFolder {
  readonly path: string

  /** Makes the folder when it is missing. Throws StartError when it cannot be written. */
  constructor(path: string) {
    this.path = path
    try {
      makeFolder(path)
      accessSync(path, constants.W_OK | constants.X_OK)
    } catch (error) {
      throw new StartError(
        `The data folder ${path} cannot be written (${systemCode(error) ?? 'unknown reason'}). Make it writable for this user, or name another one in LATCHKEY_DATA.`,
      )
    }
  }

  adminToken(): string {
    return this.#secret('admin-token', () => randomBytes(32).toString('base64url'))
  }

  /** Before a file of peppers is made `mayMake` is asked, which throws where keys need one that is lost. */
  async peppers(mayMake: (file: string) => Promise<void>): Promise<Peppers> {
    const present = keptPeppers(this.path)
    if (present !== undefined) return present
    const file = this.file('peppers')
    await mayMake(file).catch((error: unknown) => {
      // Another program may have made the file, and keys, meanwhile.
      if (keptPeppers(this.path) === undefined) throw error
    })
    return readPeppers(
      this.#secret('peppers', () => formatPeppers(generatePeppers())),
      file,
    )
  }

  /** Where the command line finds the admin API. */
  writeUrl(url: string): void {
    writeFileSync(this.file('url'), `${url}\n`)
  }

  /** Where it finds all services, where each is a process of its own; none where they are not, or run no longer. */
  writeServices(services: Readonly<Record<string, string>>): void {
    const lines = Object.entries(services).map(([name, address]) => `${name} ${address}\n`)
    if (lines.length > 0) writeFileSync(this.file('services'), lines.join(''))
    else rmSync(this.file('services'), { force: true })
  }

  file(name: string): string {
    return join(this.path, name)
  }

  /** The content of the file; made whole at the first start, and never twice, also when two programs start at once. */
  #secret(name: string, make: () => string): string {
    const file = this.file(name)
    try {
      return contentOf(file, name) ?? this.#make(file, make()) ?? contentOf(file, name) ?? ''
    } catch (error) {
      throw unusable(file, error)
    }
  }

  /** Durable before it is used: keys are minted under it. Undefined when another program was quicker. */
  #make(file: string, content: string): string | undefined {
    const draft = `${file}.${process.pid}`
    try {
      const descriptor = openSync(draft, 'w', 0o600)
      writeFileSync(descriptor, `${content}\n`)
      fsyncSync(descriptor)
      closeSync(descriptor)
      linkSync(draft, file)
      return content
    } catch (error) {
      if (systemCode(error) === 'EEXIST') return undefined
      throw error
    } finally {
      rmSync(draft, { force: true })
    }
  }
}

/** The admin token that another program keeps in the folder; undefined while there is none. Throws StartError. */
export function keptAdminToken(folder: string): string | undefined {
  return kept(folder, 'admin-token')
}

/** The peppers that another program keeps in the folder; undefined while there are none. Throws StartError. */
export function keptPeppers(folder: string): Peppers | undefined {
  const text = kept(folder, 'peppers')
  return text === undefined ? undefined : readPeppers(text, join(folder, 'peppers'))
}

function kept(folder: string, name: string): string | undefined {
  const file = join(folder, name)
  try {
    return contentOf(file, name)
  } catch (error) {
    throw unusable(file, error)
  }
}

/** Throws StartError, which names the file and never tells what it holds. */
function readPeppers(text: string, file: string): Peppers {
  try {
    return parsePeppers(text)
  } catch (error) {
    if (!(error instanceof UnreadablePeppers)) throw error
    throw new StartError(`The file ${file} holds no peppers: ${error.message}. Put back what it held.`)
  }
}

function unusable(file: string, error: unknown): StartError {
  if (error instanceof StartError) return error
  return new StartError(
    `The file ${file} cannot be read or written (${systemCode(error) ?? 'unknown reason'}). Make it so for this user.`,
  )
}

function contentOf(file: string, name: string): string | undefined {
  try {
    const content = readFileSync(file, 'utf8').trim()
    if (content !== '') return content
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
  throw new StartError(
    `The file ${file} is empty. Put the ${name} back that it held, or remove the file to have a new one made.`,
  )
}

/** Node's own recursive mkdir never ends where a file system, such as /proc, says that a folder to be made is missing. */
function makeFolder(path: string): void {
  try {
    mkdirSync(path)
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return
    if (systemCode(error) !== 'ENOENT' || existsSync(dirname(path))) throw error
    makeFolder(dirname(path))
    mkdirSync(path)
  }
}
