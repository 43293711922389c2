import { createCipheriv, createDecipheriv, randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { json } from 'node:stream/consumers'
import { z } from 'zod'

export interface KmsServer {
  readonly url: string
  stop(): Promise<void>
}

const sent = z.looseObject({
  KeyId: z.string().default(''),
  AliasName: z.string().default(''),
  TargetKeyId: z.string().default(''),
  Plaintext: z.string().default(''),
  CiphertextBlob: z.string().default(''),
  EncryptionContext: z.record(z.string(), z.string()).default({}),
})
type Sent = z.infer<typeof sent>

interface Key {
  readonly id: string
  readonly secret: Buffer
  enabled: boolean
}

class Refused extends Error {}

/**
 * AWS KMS as its API reference has it (docs.aws.amazon.com/kms/latest/APIReference): symmetric keys, aliases, Encrypt and Decrypt with an encryption
 * context, and its errors. Signatures and permissions are not looked at.
 */
export async function startKmsStandIn(): Promise<KmsServer> {
  const keys = new Map<string, Key>()
  const aliases = new Map<string, string>()
  const find = (name: string): Key => {
    const id = (aliases.get(name) ?? name).split('/').at(-1) ?? ''
    const key = keys.get(id)
    if (key === undefined) throw new Refused('NotFoundException')
    return key
  }
  const usable = (name: string): Key => {
    const key = find(name)
    if (!key.enabled) throw new Refused('DisabledException')
    return key
  }
  const operations: Readonly<Record<string, (body: Sent) => object>> = {
    CreateKey() {
      const key = { id: randomUUID(), secret: randomBytes(32), enabled: true }
      keys.set(key.id, key)
      return { KeyMetadata: metadata(key) }
    },
    CreateAlias({ AliasName, TargetKeyId }) {
      aliases.set(AliasName, TargetKeyId)
      return {}
    },
    UpdateAlias({ AliasName, TargetKeyId }) {
      aliases.set(AliasName, TargetKeyId)
      return {}
    },
    DisableKey({ KeyId }) {
      find(KeyId).enabled = false
      return {}
    },
    DescribeKey: ({ KeyId }) => ({ KeyMetadata: metadata(find(KeyId)) }),
    Encrypt({ KeyId, Plaintext, EncryptionContext }) {
      const key = usable(KeyId)
      return { KeyId: arnOf(key), CiphertextBlob: encrypt(key, EncryptionContext, Plaintext) }
    },
    Decrypt({ KeyId, CiphertextBlob, EncryptionContext }) {
      const key = usable(KeyId)
      if (Buffer.from(CiphertextBlob, 'base64').toString('latin1', 0, 36) !== key.id)
        throw new Refused('IncorrectKeyException')
      return { KeyId: arnOf(key), Plaintext: decrypt(key, EncryptionContext, CiphertextBlob) }
    },
  }
  const server = createServer((request, response) => {
    void (async () => {
      const operation = String(request.headers['x-amz-target']).replace('TrentService.', '')
      const answer = (status: number, body: object) =>
        response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify(body))
      try {
        answer(200, operations[operation]?.(sent.parse(await json(request))) ?? {})
      } catch (error) {
        if (!(error instanceof Refused)) throw error
        answer(400, { __type: error.message, message: 'refused' })
      }
    })()
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new TypeError('a server that listens has a port')
  return {
    url: `http://127.0.0.1:${address.port}`,
    async stop() {
      server.close()
      server.closeAllConnections()
    },
  }
}

function arnOf({ id }: Key): string {
  return `arn:aws:kms:eu-west-1:123456789012:key/${id}`
}

function metadata(key: Key) {
  return { KeyId: key.id, Arn: arnOf(key), Enabled: key.enabled, KeyState: key.enabled ? 'Enabled' : 'Disabled' }
}

function encrypt({ id, secret }: Key, context: object, plaintext: string): string {
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', secret, nonce).setAAD(Buffer.from(JSON.stringify(context)))
  const parts = [Buffer.from(id), nonce, cipher.update(plaintext, 'base64'), cipher.final(), cipher.getAuthTag()]
  return Buffer.concat(parts).toString('base64')
}

function decrypt({ secret }: Key, context: object, blob: string): string {
  const bytes = Buffer.from(blob, 'base64').subarray(36)
  try {
    const decipher = createDecipheriv('aes-256-gcm', secret, bytes.subarray(0, 12))
    decipher.setAAD(Buffer.from(JSON.stringify(context))).setAuthTag(bytes.subarray(-16))
    return Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]).toString('base64')
  } catch {
    throw new Refused('InvalidCiphertextException')
  }
}
