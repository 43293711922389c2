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

/** What the standalone program keeps beside its database. Files with secrets have mode 600. */
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
        `The data folder ${path} cannot be written (${codeOf(error)}). Make it writable for this user, or name another one in LATCHKEY_DATA.`,
      )
    }
  }

  adminToken(): string {
    return this.#secret('admin-token', () => randomBytes(32).toString('base64url'))
  }

  peppers(): Peppers {
    return readPeppers(
      this.#secret('peppers', () => formatPeppers(generatePeppers())),
      `The file ${this.file('peppers')}`,
    )
  }

  /** Where the command line finds the server. */
  writeUrl(url: string): void {
    writeFileSync(this.file('url'), `${url}\n`)
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
      if (error instanceof StartError) throw error
      throw new StartError(`The file ${file} cannot be read or written (${codeOf(error)}). Make it so for this user.`)
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
      if (codeOf(error) === 'EEXIST') return undefined
      throw error
    } finally {
      rmSync(draft, { force: true })
    }
  }
}

/** Throws StartError, which begins with the place that the text came from and never tells it. */
function readPeppers(text: string, place: string): Peppers {
  try {
    return parsePeppers(text)
  } catch (error) {
    if (!(error instanceof UnreadablePeppers)) throw error
    throw new StartError(`${place} holds no peppers: ${error.message}. Put back what it held.`)
  }
}

function contentOf(file: string, name: string): string | undefined {
  try {
    const content = readFileSync(file, 'utf8').trim()
    if (content !== '') return content
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
  throw new StartError(
    `The file ${file} is empty. Put the ${name} back that it held, or remove the file to have a new one made.`,
  )
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown reason'
}

/** Node's own recursive mkdir never ends where a file system, such as /proc, says that a folder to be made is missing. */
function makeFolder(path: string): void {
  try {
    mkdirSync(path)
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return
    if (codeOf(error) !== 'ENOENT' || existsSync(dirname(path))) throw error
    makeFolder(dirname(path))
    mkdirSync(path)
  }
}
