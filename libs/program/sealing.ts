import { join } from 'node:path'
import type { Configuration } from '#libs/configuration/index'
import { DataKeys, type KekAddress, Keyring } from '#libs/sealing/index'
import { only } from './settings.ts'

/** What a program reads that seals secrets or opens them. */
export const sealingSettings = only(
  'LATCHKEY_KEK',
  'LATCHKEY_FORMER_KEKS',
  'LATCHKEY_VAULT_TOKEN',
  'LATCHKEY_VAULT_TOKEN_FILE',
  'LATCHKEY_DATA_KEY_LIFETIME',
)

export interface Sealing {
  /** Where the present KEK is. */
  readonly present: KekAddress
  readonly keyring: Keyring
  readonly dataKeys: DataKeys
}

/** Nothing is opened yet, nor made. */
export function sealingOf(
  configuration: Configuration<typeof sealingSettings> & { readonly LATCHKEY_DATA: string },
): Sealing {
  const { LATCHKEY_KEK: named, LATCHKEY_FORMER_KEKS: former, LATCHKEY_DATA: folder } = configuration
  const present = named ?? { kind: 'file', path: join(folder, 'kek') }
  const keyring = new Keyring(present, former, {
    vaultToken: configuration.LATCHKEY_VAULT_TOKEN,
    vaultTokenFile: configuration.LATCHKEY_VAULT_TOKEN_FILE,
  })
  return { present, keyring, dataKeys: new DataKeys(keyring, { lifetime: configuration.LATCHKEY_DATA_KEY_LIFETIME }) }
}
