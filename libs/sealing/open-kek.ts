import type { KekAddress } from './address.ts'
import { openAwsKmsKek } from './aws-kms.ts'
import { SealingError } from './errors.ts'
import { openLocalKek } from './local-file.ts'
import type { KeyEncryptionProvider } from './provider.ts'
import { openVaultKek } from './vault-transit.ts'

export interface KekOptions {
  readonly vaultToken?: string | undefined
  /** A file with it, which may be renewed. */
  readonly vaultTokenFile?: string | undefined
}

/** Does not ask whether the KEK can be used. Rejects with SealingError where a file is missing or unfit, or no token is set. */
export async function openKek(address: KekAddress, options: KekOptions): Promise<KeyEncryptionProvider> {
  switch (address.kind) {
    case 'file':
      return openLocalKek(address.path)
    case 'awskms':
      return openAwsKmsKek({ keyId: address.keyId })
    case 'vault':
      return openVaultKek({ ...address, token: vaultToken(options) })
  }
}

function vaultToken({ vaultToken: text, vaultTokenFile: file }: KekOptions) {
  if (file !== undefined) return { file }
  if (text !== undefined) return { text }
  throw new SealingError(
    'kek-refused',
    'The KEK is in Vault, and there is no token for it. Set LATCHKEY_VAULT_TOKEN_FILE, or LATCHKEY_VAULT_TOKEN.',
  )
}
