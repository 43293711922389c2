import { open, readFile, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'
import { readKey } from '#libs/credentials/index'
import { algorithms, readSigningKey, type Signer } from '#libs/signatures/index'
import { codeOf, Failure } from './failure.ts'

/** What a client that signs must have: the key, and what it signs with. Nobody but its owner may read the file. */
export type KeyFile = z.infer<typeof keyFile>

const keyFile = z.discriminatedUnion('algorithm', [
  z.strictObject({ key: z.string(), algorithm: z.literal(algorithms[0]), secret: z.string() }),
  /** PEM, PKCS #8. */
  z.strictObject({ key: z.string(), algorithm: z.literal(algorithms[1]), privateKey: z.string() }),
])

export interface OwnKey {
  /** As it stands in an Authorization header. */
  readonly text: string
  readonly signer: Signer
}

export interface NewKeyFile {
  /** Durable when it is done. */
  write(content: KeyFile): Promise<void>
  /** Takes it away, whatever has become of it. */
  discard(): Promise<void>
}

/** Makes the file, for its owner alone, before there is anything to write; one that is there is not written over. */
export async function newKeyFile(path: string): Promise<NewKeyFile> {
  try {
    const file = await open(path, 'wx', 0o600)
    await syncFolder(dirname(path))
    return {
      async write(content) {
        await file.writeFile(`${JSON.stringify(content, undefined, 2)}\n`)
        await file.sync()
        await file.close()
      },
      async discard() {
        await file.close().catch(() => undefined)
        await rm(path, { force: true })
      },
    }
  } catch (error) {
    throw new Failure(
      'failed',
      `${path} cannot be made (${codeOf(error) ?? String(error)}), and nothing was asked of the server. Name a file that is not there yet.`,
    )
  }
}

/** The name of a file lasts no longer than its folder says so, where folders can be synced and this one be read. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r').catch(() => undefined)
  await folder?.sync().catch(() => undefined)
  await folder?.close()
}

export async function readKeyFile(path: string): Promise<OwnKey> {
  const read = keyFile.safeParse(await jsonIn(path))
  if (read.success) {
    const { key, algorithm } = read.data
    const known = readKey(key)
    const signing = readSigningKey(algorithm, 'secret' in read.data ? read.data.secret : read.data.privateKey)
    if (known.kind === 'key' && signing !== undefined) return { text: key, signer: { keyid: known.kid, key: signing } }
  }
  throw new Failure(
    'usage',
    `${path} is no key file. It holds {"key": "lk_...", "algorithm": "hmac-sha256", "secret": "..."}, or "ed25519" and "privateKey" as PEM, as "latchkey keys mint --signed ... --save FILE" writes it.`,
  )
}

async function jsonIn(path: string): Promise<unknown> {
  try {
    if (((await stat(path)).mode & 0o077) !== 0) {
      throw new Failure('notAllowed', `${path} can be read by others. Allow its owner alone: chmod 600 ${path}`)
    }
    return JSON.parse(await readFile(path, 'utf8'))
  } catch (error) {
    if (error instanceof Failure) throw error
    const cause = error instanceof SyntaxError ? 'it is no JSON' : (codeOf(error) ?? String(error))
    throw new Failure(
      'usage',
      `${path} cannot be read (${cause}). Give the file that "latchkey keys mint --save" wrote.`,
    )
  }
}
