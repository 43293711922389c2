import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync, accessSync, constants } from 'node:fs'
import { join } from 'node:path'
import { formatPeppers, generatePeppers, parsePeppers, type Peppers } from '#libs/credentials/index'
import { StartError } from './start-error.ts'

/** What the standalone program keeps beside its database. Files with secrets have mode 600. */
export class DataFolder {
  readonly path: string

  /** Makes the folder when it is missing. Throws StartError when it cannot be written. */
  constructor(path: string) {
    this.path = path
    try {
      mkdirSync(path, { recursive: true })
      accessSync(path, constants.W_OK | constants.X_OK)
    } catch (error) {
      const reason = error instanceof Error && 'code' in error ? String(error.code) : 'unknown reason'
      throw new StartError(
        `The data folder ${path} cannot be written (${reason}). Make it writable for this user, or name another one in LATCHKEY_DATA.`,
      )
    }
  }

  adminToken(): string {
    return this.#secret('admin-token', () => randomBytes(32).toString('base64url'))
  }

  peppers(): Peppers {
    return parsePeppers(this.#secret('peppers', () => formatPeppers(generatePeppers())))
  }

  /** Where the command line finds the server. */
  writeUrl(url: string): void {
    writeFileSync(this.file('url'), `${url}\n`)
  }

  file(name: string): string {
    return join(this.path, name)
  }

  /** The content of the file; made at the first start, and never twice. */
  #secret(name: string, make: () => string): string {
    const file = this.file(name)
    try {
      writeFileSync(file, `${make()}\n`, { mode: 0o600, flag: 'wx' })
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) {
        throw new StartError(`The file ${file} cannot be written. Make it writable for this user.`)
      }
    }
    const content = readFileSync(file, 'utf8').trim()
    if (content === '')
      throw new StartError(
        `The file ${file} is empty. Put the ${name} back that it held, or remove the file to have a new one made.`,
      )
    return content
  }
}
