import { createHmac, createSecretKey, type KeyObject, randomBytes } from 'node:crypto'
import { closeSync, fsyncSync, linkSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { decrypt, encrypt } from '#libs/credentials/index'
import { systemCode } from '#libs/process/index'
import { SealingError } from './errors.ts'
import type { KeyContext, KeyEncryptionProvider, WrappedKey } from './provider.ts'

const keyBytes = 32
/** A file is not changed: another key is another file. */
const version = '1'

/**
 * The KEK in a file of one line, base64 of 32 bytes, that nobody but its owner may read. Its id is a fingerprint of the key, wherever the file lies.
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
    status: async () => ({ id, version }),
  }
}

/** Makes the file, durable before it is used, unless there is one: of two programs that make it at once, both find the same. */
export function makeLocalKek(path: string): void {
  const draft = `${path}.${process.pid}`
  try {
    const descriptor = openSync(draft, 'w', 0o600)
    writeFileSync(descriptor, `${randomBytes(keyBytes).toString('base64')}\n`)
    fsyncSync(descriptor)
    closeSync(descriptor)
    linkSync(draft, path)
    const folder = openSync(dirname(path), 'r')
    fsyncSync(folder)
    closeSync(folder)
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return
    throw new SealingError(
      'kek-missing',
      `The file ${path} for the key encryption key (KEK) cannot be made (${systemCode(error) ?? 'unknown reason'}). Make its folder writable for this user, or name another place in LATCHKEY_KEK.`,
    )
  } finally {
    rmSync(draft, { force: true })
  }
}

function readKey(path: string): KeyObject {
  const text = contentOf(path)
  const bytes = Buffer.from(text, 'base64')
  if (bytes.length === keyBytes && bytes.toString('base64') === text) return createSecretKey(bytes)
  throw new SealingError(
    'kek-missing',
    `The file ${path} does not hold a key encryption key (KEK), base64 of ${keyBytes} bytes. Put back what it held.`,
  )
}

function contentOf(path: string): string {
  try {
    const found = statSync(path)
    if (!found.isFile()) {
      throw new SealingError(
        'kek-refused',
        `Something that is not a file is at ${path}, where the key encryption key (KEK) belongs, such as a folder. Move it away, and put the file back.`,
      )
    }
    if ((found.mode & 0o077) !== 0) {
      throw new SealingError(
        'kek-refused',
        `The file ${path} with the key encryption key (KEK) can be read by others. Find out who did, then allow its owner alone: chmod 600 ${path}`,
      )
    }
    return readFileSync(path, 'utf8').trim()
  } catch (error) {
    if (error instanceof SealingError) throw error
    const code = systemCode(error)
    if (code === 'ENOENT') {
      throw new SealingError(
        'kek-missing',
        `The file ${path} with the key encryption key (KEK) is missing. Put it back from the backup of the data folder.`,
      )
    }
    throw new SealingError(
      'kek-refused',
      `The file ${path} with the key encryption key (KEK) cannot be read (${code ?? 'unknown reason'}). Make it readable for this user alone.`,
    )
  }
}

function associated({ tenant, dataKey }: KeyContext): string {
  return JSON.stringify([tenant, dataKey, 'data key'])
}
