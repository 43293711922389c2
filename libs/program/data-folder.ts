import { randomUUID } from 'node:crypto'
import { accessSync, constants, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { makeAddressKey } from '#libs/address-proof/index'
import {
  formatPeppers,
  generatePeppers,
  mintAdminToken,
  parsePeppers,
  type Peppers,
  UnreadablePeppers,
} from '#libs/credentials/index'
import { systemCode } from '#libs/process/index'
import { makeSecretFile, readSecretFile, SecretFileError } from '#libs/secret-files/index'
import { provesItself } from './proves-itself.ts'
import { StartError } from './start-error.ts'

/** What Latchkey keeps in files. Those with secrets are for this user alone, and are not taken where others may read them. */
export class DataFolder {
  readonly path: string
  #addressKey: string | undefined

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

  /** In the form of other admin tokens, so that scanners find it; it is known by its text alone, and its id to nobody. */
  adminToken(): string {
    return this.#secret('admin-token', () => mintAdminToken().text)
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

  /** By what a server proves that it is of this folder. */
  addressKey(): string {
    return (this.#addressKey ??= this.#secret('address-key', makeAddressKey))
  }

  /**
   * Where the command line finds the admin API. While a server of this folder answers at the address that stands there, that stays: one that is started
   * beside it may well end before it.
   */
  async writeUrl(url: string): Promise<void> {
    const file = this.file('url')
    const present = existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined
    if (present === url || (present !== undefined && (await provesItself(present, this.addressKey())))) return
    this.#replace('url', `${url}\n`)
  }

  /** Where it finds all services, where each is a process of its own; none where they are not, or run no longer. */
  writeServices(services: Readonly<Record<string, string>>): void {
    const lines = Object.entries(services).map(([name, address]) => `${name} ${address}\n`)
    if (lines.length > 0) this.#replace('services', lines.join(''))
    else rmSync(this.file('services'), { force: true })
  }

  file(name: string): string {
    return join(this.path, name)
  }

  /** Whoever reads it meanwhile finds what was there or what is, never a part. */
  #replace(name: string, content: string): void {
    const draft = this.file(`${name}.${randomUUID()}`)
    try {
      writeFileSync(draft, content)
      renameSync(draft, this.file(name))
    } finally {
      rmSync(draft, { force: true })
    }
  }

  /** Made at the first start, and never twice, also when two programs start at once. */
  #secret(name: SecretName, make: () => string): string {
    return readOrTold(this.path, name, (file) => makeSecretFile(file, make))
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

/** The key by which servers of the folder prove that; undefined while there is none. Throws StartError. */
export function keptAddressKey(folder: string): string | undefined {
  return kept(folder, 'address-key')
}

type SecretName = keyof typeof whereEmpty

/** What to do about a file that holds nothing. Keys need the peppers that it held: no others are made in their place. */
const whereEmpty = {
  'address-key': 'Remove the file to have a new one made.',
  'admin-token': 'Put back what it held, or remove the file to have a new one made.',
  peppers: 'Put back what it held, from the backup of the data folder.',
} as const

function kept(folder: string, name: SecretName): string | undefined {
  return readOrTold(folder, name, readSecretFile)
}

/** Throws StartError, which names the file. */
function readOrTold<T extends string | undefined>(folder: string, name: SecretName, read: (file: string) => T): T {
  const file = join(folder, name)
  try {
    const content = read(file)
    if (content !== '') return content
  } catch (error) {
    if (error instanceof SecretFileError) throw new StartError(error.message)
    throw error
  }
  throw new StartError(`The file ${file} is empty. ${whereEmpty[name]}`)
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
