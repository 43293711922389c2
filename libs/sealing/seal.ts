import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto'
import { decrypt, encrypt, randomDigits } from '#libs/credentials/index'

/** An unwrapped data key: in memory alone. */
export interface DataKey {
  readonly id: string
  readonly tenant: string
  readonly key: KeyObject
}

/** What a secret is for. Sealed for one, it is not opened for another, nor for another tenant. */
export interface SecretContext {
  readonly kid: string
  readonly purpose: string
}

const keyBytes = 32

export function makeDataKey(tenant: string): { readonly dataKey: DataKey; readonly bytes: Buffer } {
  const bytes = randomBytes(keyBytes)
  return { dataKey: dataKeyOf(randomDigits(12), tenant, bytes), bytes }
}

export function dataKeyOf(id: string, tenant: string, bytes: Uint8Array): DataKey {
  return { id, tenant, key: createSecretKey(bytes) }
}

/** AES-256-GCM, bound to tenant, kid and purpose. The text names its data key: `ID.BASE64URL`. */
export function sealUnder(dataKey: DataKey, context: SecretContext, secret: string): string {
  return `${dataKey.id}.${encrypt(dataKey.key, associated(dataKey, context), Buffer.from(secret))}`
}

/** Undefined when it was altered, or sealed for something else or under another data key. */
export function openUnder(dataKey: DataKey, context: SecretContext, sealed: string): string | undefined {
  const [id, encrypted] = sealed.split('.')
  if (id !== dataKey.id || encrypted === undefined) return undefined
  return decrypt(dataKey.key, associated(dataKey, context), encrypted)?.toString('utf8')
}

/** Under which data key the secret is sealed. */
export function dataKeyNamed(sealed: string): string {
  return sealed.slice(0, Math.max(0, sealed.indexOf('.')))
}

function associated({ tenant }: DataKey, { kid, purpose }: SecretContext): string {
  return JSON.stringify([tenant, kid, purpose])
}
