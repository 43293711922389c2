import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { json } from 'node:stream/consumers'
import { z } from 'zod'

export interface VaultServer {
  readonly url: string
  readonly token: string
  stop(): Promise<void>
}

const sent = z.object({
  plaintext: z.string().optional(),
  ciphertext: z.string().optional(),
  associated_data: z.string().default(''),
})

/**
 * The transit secrets engine as its API documentation has it (developer.hashicorp.com/vault/api-docs/secret/transit): keys of type aes256-gcm96, their
 * rotation, encrypt and decrypt with associated data, and its errors.
 */
export async function startVaultStandIn(): Promise<VaultServer> {
  const token = randomBytes(12).toString('hex')
  const keys = new Map<string, Buffer[]>()
  const server = createServer((request, response) => {
    const fail = (status: number, ...errors: string[]) => answer(response, status, { errors })
    void (async () => {
      const body = sent.parse(request.method === 'POST' ? await json(request).catch(() => ({})) : {})
      if (request.headers['x-vault-token'] !== token) return fail(403, 'permission denied')
      const [, mount, action, name = '', verb] = (request.url ?? '').slice(3).split('/')
      if (mount === 'sys') return answer(response, 204)
      // As Vault does for a token that may create.
      if (action === 'encrypt' && !keys.has(name)) keys.set(name, [randomBytes(32)])
      const key = keys.get(name)
      if (action === 'keys' && request.method === 'POST') {
        if (verb === undefined) keys.set(name, key ?? [randomBytes(32)])
        else key?.push(randomBytes(32))
        return answer(response, 204)
      }
      if (action === 'keys') {
        if (key === undefined) return fail(404)
        return answer(response, 200, { data: { name, type: 'aes256-gcm96', latest_version: key.length } })
      }
      if (key === undefined) return fail(400, 'encryption key not found')
      const associated = Buffer.from(body.associated_data, 'base64')
      if (action === 'encrypt')
        return answer(response, 200, { data: { ciphertext: encrypt(key, associated, body.plaintext ?? '') } })
      const plaintext = decrypt(key, associated, body.ciphertext ?? '')
      return plaintext === undefined
        ? fail(400, 'cipher: message authentication failed')
        : answer(response, 200, { data: { plaintext } })
    })()
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new TypeError('a server that listens has a port')
  return {
    url: `http://127.0.0.1:${address.port}`,
    token,
    async stop() {
      server.close()
      server.closeAllConnections()
    },
  }
}

function answer(response: ServerResponse, status: number, body?: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(body === undefined ? '' : JSON.stringify(body))
}

function encrypt(versions: readonly Buffer[], associated: Buffer, plaintext: string): string {
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', versions.at(-1) ?? '', nonce).setAAD(associated)
  const bytes = Buffer.concat([nonce, cipher.update(plaintext, 'base64'), cipher.final(), cipher.getAuthTag()])
  return `vault:v${versions.length}:${bytes.toString('base64')}`
}

function decrypt(versions: readonly Buffer[], associated: Buffer, ciphertext: string): string | undefined {
  const [, version, encoded = ''] = /^vault:v(\d+):(.+)$/.exec(ciphertext) ?? []
  const bytes = Buffer.from(encoded, 'base64')
  try {
    const decipher = createDecipheriv('aes-256-gcm', versions[Number(version) - 1] ?? '', bytes.subarray(0, 12))
    decipher.setAAD(associated).setAuthTag(bytes.subarray(-16))
    return Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]).toString('base64')
  } catch {
    return undefined
  }
}
