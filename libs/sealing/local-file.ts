import { createHmac, createSecretKey, type KeyObject, randomBytes } from 'node:crypto'
import { decrypt, encrypt } from '#libs/credentials/index'
import { makeSecretFile, readSecretFile, SecretFileError } from '#libs/secret-files/index'
import { SealingError } from './errors.ts'
import type { KeyContext, KeyEncryptionProvider, WrappedKey } from './provider.ts'

const keyBytes = 32
/** A file is not changed: another key is another file. */
const version = '1'

/**
 * The KEK in a file of one line, base64 of 32 bytes, that nobody else may read. Its id is a fingerprint of the key, wherever the file lies.
 * @throws SealingError kek-missing where there is no such file, kek-refused where others may read it or we may not
 */
export function openLocalKek(path: string): KeyEncryptionProvider {
  const key = readKey(path)
  const id = `file:${createHmac('sha256', key).update('latchkey kek fingerprint').digest('hex').slice(0, 16)}`
  return {
    id,
    async wrap(plain, context) {
      return { kekId: id, kekVersion: version, wrapped: encrypt(key, associated(context), plain) }
    },
    async unwrap({ wrapped }: WrappedKey, context) {
      const plain = decrypt(key, associated(context), wrapped)
      if (plain !== undefined) return plain
      throw new SealingError(
        'unreadable',
        `A data key of tenant ${context.tenant} was not wrapped by the KEK in ${path}, or was altered in the database. Put both back as they were.`,
      )
    },
    async status() {
      if (readKey(path).equals(key)) return { id, version }
      throw new SealingError(
        'kek-missing',
        `The file ${path} holds another key encryption key (KEK) than when it was read. Put back what it held: after a restart nothing that was sealed under it could be opened.`,
      )
    },
  }
}

/**
 * Makes the file unless there is one: of two programs that make it at once, both find the same.
 * @throws SealingError kek-missing where it cannot be made, kek-refused where one is there that cannot be used
 */
export function makeLocalKek(path: string): void {
  heeded(path, () => makeSecretFile(path, () => randomBytes(keyBytes).toString('base64')))
}

function readKey(path: string): KeyObject {
  const text = heeded(path, () => readSecretFile(path))
  if (text === undefined) {
    throw new SealingError(
      'kek-missing',
      `The file ${path} with the key encryption key (KEK) is missing. Put it back from the backup of the data folder.`,
    )
  }
  const bytes = Buffer.from(text, 'base64')
  if (bytes.length === keyBytes && bytes.toString('base64') === text) return createSecretKey(bytes)
  throw new SealingError(
    'kek-missing',
    `The file ${path} does not hold a key encryption key (KEK), base64 of ${keyBytes} bytes. Put back what it held.`,
  )
}

function heeded<T>(path: string, use: () => T): T {
  try {
    return use()
  } catch (error) {
    if (!(error instanceof SecretFileError)) throw error
    const fault = error.fault === 'unmakeable' ? 'kek-missing' : 'kek-refused'
    throw new SealingError(fault, `The key encryption key (KEK) of file:${path} cannot be had. ${error.message}`)
  }
}

function associated({ tenant, dataKey }: KeyContext): string {
  return JSON.stringify([tenant, dataKey, 'data key'])
}
