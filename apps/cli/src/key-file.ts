import { z } from 'zod'
import { readKey } from '#libs/credentials/index'
import { readSecretOnce, reserveSecretFile, SecretFileError } from '#libs/secret-files/index'
import { algorithms, readSigningKey, type Signer } from '#libs/signatures/index'
import { Failure } from './failure.ts'

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
  /**
   * Durable when it is done.
   * @throws SecretFileError
   */
  write(content: KeyFile): void
  /** Takes it away, whatever has become of it. */
  discard(): void
}

/** Makes the file, for its owner alone, before there is anything to write; one that is there is not written over. */
export function newKeyFile(path: string): NewKeyFile {
  try {
    const file = reserveSecretFile(path)
    return {
      write: (content) => file.write(`${JSON.stringify(content, undefined, 2)}\n`),
      discard: () => file.discard(),
    }
  } catch (error) {
    if (!(error instanceof SecretFileError)) throw error
    const why = error.code === 'EEXIST' ? `${path} is there already: name a file that is not.` : error.message
    throw new Failure('failed', `Nothing was asked of the server. ${why}`)
  }
}

export function readKeyFile(path: string): OwnKey {
  const read = keyFile.safeParse(jsonIn(path))
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

/** Undefined where it is no JSON. */
function jsonIn(path: string): unknown {
  try {
    const text = readSecretOnce(path)
    if (text !== undefined) return JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    if (!(error instanceof SecretFileError)) throw error
    throw new Failure(error.fault === 'readable-by-others' ? 'notAllowed' : 'usage', error.message)
  }
  throw new Failure('usage', `There is no file ${path}. Give the one that "latchkey keys mint --save" wrote.`)
}
