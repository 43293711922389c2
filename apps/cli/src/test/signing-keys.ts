import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { IncomingHttpHeaders } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { mintKey } from '#libs/credentials/index'
import {
  digestFault,
  isProvedBy,
  messageOf,
  readSignature,
  readVerifyingKey,
  type VerifyingKey,
  writtenPublicKey,
} from '#libs/signatures/index'

/** A key in two key files, `hmac.json` and `ed25519.json`, and what proves requests that are signed with them. */
export interface SigningKeys {
  readonly folder: string
  readonly key: string
  readonly verifying: { readonly hmac: VerifyingKey; readonly ed25519: VerifyingKey }
  /** As the gateway judges it. */
  isGenuine(url: string, request: Signed, by: VerifyingKey): boolean
}

export interface Signed {
  readonly method: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** Are there for the tests of the file that calls this. */
export function signingKeys(): SigningKeys {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-signing-'))
  afterAll(() => rmSync(folder, { recursive: true }))
  const { kid, text: key } = mintKey('sandbox')
  const secret = randomBytes(32).toString('base64url')
  const privateKey = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const save = (name: string, file: object): void =>
    writeFileSync(join(folder, name), JSON.stringify({ key, ...file }), { mode: 0o600 })
  save('hmac.json', { algorithm: 'hmac-sha256', secret })
  save('ed25519.json', { algorithm: 'ed25519', privateKey })
  return {
    folder,
    key,
    verifying: {
      hmac: present(readVerifyingKey('hmac-sha256', secret)),
      ed25519: present(readVerifyingKey('ed25519', present(writtenPublicKey(privateKey)))),
    },
    isGenuine(url, { method, headers, body }, by) {
      const flat = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]))
      const message = messageOf(method, new URL(url), flat)
      const read = readSignature(message, {
        keyid: kid,
        algorithm: by.algorithm,
        hasBody: body !== '',
        now: new Date(),
      })
      const digest = flat['content-digest']
      if (read.kind === 'fault' || !isProvedBy(by, read)) return false
      return digest === undefined ? body === '' : digestFault(digest, Buffer.from(body)) === undefined
    },
  }
}

export function present<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('it is not there')
  return value
}
