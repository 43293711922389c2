import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { systemCode } from '#libs/process/index'
import { SealingError } from './errors.ts'
import type { KekStatus, KeyContext, KeyEncryptionProvider } from './provider.ts'

export interface VaultOptions {
  readonly url: string
  /** Where the transit engine is mounted. */
  readonly mount: string
  readonly key: string
  /** Itself, or the file that somebody keeps a good one in: it is read for each call. */
  readonly token: { readonly text: string } | { readonly file: string }
}

const patience = 5_000

const encrypted = z.object({ data: z.object({ ciphertext: z.string().regex(/^vault:v\d+:/) }) })
const decrypted = z.object({ data: z.object({ plaintext: z.base64() }) })
const described = z.object({
  data: z.object({ latest_version: z.int(), type: z.string() }),
})

/**
 * A KEK in the transit secrets engine of HashiCorp Vault or OpenBao, by its HTTP API (v1). The key is of type aes256-gcm96, aes128-gcm96 or
 * chacha20-poly1305: what a data key is for goes with it as associated data. The token needs `update` on encrypt/KEY and decrypt/KEY, `read` on keys/KEY.
 */
export function openVaultKek(options: VaultOptions): KeyEncryptionProvider {
  const id = `vault:${new URL(options.url).host}/${options.mount}/${options.key}`
  const call = async <T>(method: 'GET' | 'POST', action: string, schema: z.ZodType<T>, body?: object): Promise<T> => {
    const answer = await ask(options, method, action, body)
    const read = schema.safeParse(answer.body)
    if (answer.status === 200 && read.success) return read.data
    throw refusal(options, action, answer)
  }
  const status = async (): Promise<KekStatus> => {
    const { data } = await call('GET', 'keys', described)
    if (/gcm|chacha20/.test(data.type)) return { id, version: String(data.latest_version) }
    throw new SealingError(
      'kek-refused',
      `Key ${options.key} of Vault at ${options.url} is of type ${data.type}, which binds a data key to nothing. Make one of type aes256-gcm96.`,
    )
  }
  return {
    id,
    status,
    async wrap(plain, context) {
      // Vault makes a key that is missing when it is to encrypt with it, where the token may do that.
      await status()
      const { data } = await call('POST', 'encrypt', encrypted, {
        plaintext: Buffer.from(plain).toString('base64'),
        associated_data: associated(context),
      })
      return { kekId: id, kekVersion: versionIn(data.ciphertext), wrapped: data.ciphertext }
    },
    async unwrap({ wrapped }, context) {
      const { data } = await call('POST', 'decrypt', decrypted, {
        ciphertext: wrapped,
        associated_data: associated(context),
      })
      return Buffer.from(data.plaintext, 'base64')
    },
  }
}

interface Answer {
  readonly status: number
  readonly body: unknown
}

async function ask(options: VaultOptions, method: string, action: string, body?: object): Promise<Answer> {
  const token = await tokenOf(options)
  try {
    const answer = await fetch(`${options.url}/v1/${options.mount}/${action}/${options.key}`, {
      method,
      headers: { 'x-vault-token': token, 'x-vault-request': 'true', 'content-type': 'application/json' },
      redirect: 'error',
      signal: AbortSignal.timeout(patience),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    return { status: answer.status, body: await answer.json().catch(() => undefined) }
  } catch (error) {
    throw new SealingError(
      'kek-away',
      `Vault at ${options.url} cannot be reached (${causeOf(error)}). Start it, or mend its address in LATCHKEY_KEK.`,
    )
  }
}

async function tokenOf({ token }: VaultOptions): Promise<string> {
  if ('text' in token) return token.text
  try {
    return (await readFile(token.file, 'utf8')).trim()
  } catch (error) {
    throw new SealingError(
      'kek-refused',
      `The file ${token.file} with the token for Vault cannot be read (${systemCode(error) ?? 'unknown reason'}). Have it written, or name another in LATCHKEY_VAULT_TOKEN_FILE.`,
    )
  }
}

const told = z.object({ errors: z.array(z.string()) })

function refusal({ url, mount, key }: VaultOptions, action: string, { status, body }: Answer): SealingError {
  const words = (told.safeParse(body).data?.errors ?? []).join('; ').slice(0, 300)
  const place = `Vault at ${url}`
  if (status === 403) {
    return new SealingError(
      'kek-refused',
      `${place} does not allow ${action} with key ${key} to our token. Renew the token, and give its policy ${action === 'keys' ? 'read' : 'update'} on ${mount}/${action}/${key}.`,
    )
  }
  if (status === 400 && action === 'decrypt') {
    return new SealingError(
      'unreadable',
      `${place} does not unwrap a data key (${words}): it was wrapped by another key or a version that key ${key} no longer has, or was altered in the database. Put back what is missing.`,
    )
  }
  if (status === 404 || status === 400) {
    return new SealingError(
      'kek-missing',
      `${place} has no key ${key} at ${mount} that could do it (${status} ${words}). Enable transit there and make the key: vault write -f ${mount}/keys/${key}`,
    )
  }
  return new SealingError(
    'kek-away',
    `${place} cannot answer for now (${status} ${words}). Unseal it, or see in its log what it lacks.`,
  )
}

/** `vault:v3:...` */
function versionIn(ciphertext: string): string {
  return ciphertext.slice('vault:v'.length, ciphertext.indexOf(':', 'vault:v'.length))
}

function associated({ tenant, dataKey }: KeyContext): string {
  return Buffer.from(JSON.stringify([tenant, dataKey, 'data key'])).toString('base64')
}

function causeOf(error: unknown): string {
  if (error instanceof Error && error.name === 'TimeoutError') return 'it does not answer'
  const cause = error instanceof Error ? error.cause : undefined
  return systemCode(cause) ?? systemCode(error) ?? 'no connection'
}
