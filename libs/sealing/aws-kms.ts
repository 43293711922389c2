import { SealingError } from './errors.ts'
import type { KeyContext, KeyEncryptionProvider } from './provider.ts'

export interface AwsKmsOptions {
  /** Id, ARN or alias of a symmetric key. */
  readonly keyId: string
  /** Another address than that of the region. */
  readonly endpoint?: string
}

const patience = 5_000

/**
 * A KEK in AWS KMS. Credentials, and the region where the key is no ARN, are found as every AWS SDK finds them: variables, files, the roles of a container,
 * a pod or a machine. What a data key is for goes with it as encryption context. Allowed must be kms:Encrypt, kms:Decrypt and kms:DescribeKey. As version
 * counts the ARN of the key that wrapped: an alias that is moved to another key leads to a new one, and KMS keeps the rotations of one key to itself.
 */
export async function openAwsKmsKek({ keyId, endpoint }: AwsKmsOptions): Promise<KeyEncryptionProvider> {
  const { KMSClient, EncryptCommand, DecryptCommand, DescribeKeyCommand } = await import('@aws-sdk/client-kms')
  const region = /^arn:[^:]*:kms:([^:]+):/.exec(keyId)?.[1]
  const client = new KMSClient({
    maxAttempts: 2,
    requestHandler: { connectionTimeout: patience / 2, requestTimeout: patience / 2, throwOnRequestTimeout: true },
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint }),
  })
  const id = `awskms:${keyId}`
  const within = () => ({ abortSignal: AbortSignal.timeout(patience) })
  const attempt = async <T>(what: 'wrap' | 'unwrap' | 'describe', work: () => Promise<T>): Promise<T> => {
    try {
      return await work()
    } catch (error) {
      throw refusal(keyId, what, error)
    }
  }
  return {
    id,
    wrap: (plain, context) =>
      attempt('wrap', async () => {
        const command = new EncryptCommand({
          KeyId: keyId,
          Plaintext: plain,
          EncryptionContext: encryptionContext(context),
        })
        const { CiphertextBlob: blob, KeyId: arn } = await client.send(command, within())
        if (blob === undefined || arn === undefined) throw new TypeError('KMS answered without a ciphertext')
        return { kekId: id, kekVersion: arn, wrapped: Buffer.from(blob).toString('base64') }
      }),
    unwrap: ({ wrapped, kekVersion }, context) =>
      attempt('unwrap', async () => {
        const command = new DecryptCommand({
          KeyId: kekVersion,
          CiphertextBlob: Buffer.from(wrapped, 'base64'),
          EncryptionContext: encryptionContext(context),
        })
        const { Plaintext: plain } = await client.send(command, within())
        if (plain === undefined) throw new TypeError('KMS answered without a plaintext')
        return Buffer.from(plain)
      }),
    status: () =>
      attempt('describe', async () => {
        const { KeyMetadata: key } = await client.send(new DescribeKeyCommand({ KeyId: keyId }), within())
        if (key?.Arn === undefined) throw new TypeError('KMS answered without a key')
        if (key.Enabled === true) return { id, version: key.Arn }
        throw new SealingError(
          'kek-refused',
          `Key ${keyId} of AWS KMS is ${key.KeyState ?? 'not enabled'}. Enable it again.`,
        )
      }),
  }
}

function encryptionContext({ tenant, dataKey }: KeyContext): Record<string, string> {
  return { 'latchkey:tenant': tenant, 'latchkey:data-key': dataKey }
}

const faultOf: Readonly<Record<string, SealingError['fault']>> = {
  AccessDeniedException: 'kek-refused',
  UnrecognizedClientException: 'kek-refused',
  InvalidClientTokenId: 'kek-refused',
  ExpiredTokenException: 'kek-refused',
  DisabledException: 'kek-refused',
  KMSInvalidStateException: 'kek-refused',
  InvalidKeyUsageException: 'kek-refused',
  CredentialsProviderError: 'kek-refused',
  NotFoundException: 'kek-missing',
  InvalidCiphertextException: 'unreadable',
  IncorrectKeyException: 'unreadable',
}

const advice: Readonly<Record<SealingError['fault'], string>> = {
  'kek-away': 'Check the way to it and its region, and repeat.',
  'kek-refused':
    'Give this service credentials with kms:Encrypt, kms:Decrypt and kms:DescribeKey on the key, and enable the key.',
  'kek-missing': 'Name a key that there is in LATCHKEY_KEK, or put back the one that was there.',
  unreadable:
    'It was wrapped by another key or for something else, or was altered in the database: put back what it was.',
}

function refusal(keyId: string, what: string, error: unknown): SealingError {
  if (error instanceof SealingError) return error
  const name = error instanceof Error ? error.name : 'unknown'
  const fault = faultOf[name] ?? (what === 'unwrap' && name === 'ValidationException' ? 'unreadable' : 'kek-away')
  return new SealingError(fault, `AWS KMS does not ${what} with key ${keyId} (${name}). ${advice[fault]}`)
}
