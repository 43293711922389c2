import { join } from 'node:path'
import type { Configuration } from '#libs/configuration/index'
import type { HealthCheck } from '#libs/http/index'
import { DataKeys, type KekAddress, Keyring } from '#libs/sealing/index'
import { every } from '#libs/timing/index'
import type { Starting } from './run.ts'
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

/** Milliseconds between two questions. */
const askEvery = 30_000

/**
 * Whether the KEK can be used, asked in the background until the program ends, so that it is told before the first signed key wants it: on the log, and in the
 * readiness of the program, which answers all else without. Nothing waits for the first answer. One in a file, which a gateway without signed keys
 * need not have, is asked for once it is in use: one that is lost meanwhile is to be put back before a restart wants it.
 */
export function watchKek(
  { present, keyring }: Pick<Sealing, 'present' | 'keyring'>,
  { logger, ending }: Pick<Starting<unknown>, 'logger' | 'ending'>,
  milliseconds = askEvery,
): readonly HealthCheck[] {
  let failure: unknown
  const ask = async (): Promise<void> => {
    if (present.kind === 'file' && !keyring.isInUse) return
    await keyring.status()
    if (failure !== undefined) logger.info('the key encryption key can be used again')
    failure = undefined
  }
  const failed = (error: unknown): void => {
    if (failure === undefined) logger.warn({ err: error }, 'the key encryption key cannot be used for now')
    failure = error
  }
  const asking = every(milliseconds, ask, failed, { atOnce: true })
  ending.add('the watch of the key encryption key', 10_000, () => asking.end())
  const check = async (): Promise<void> => {
    if (failure !== undefined) throw failure
  }
  return [{ name: 'key encryption key', without: 'degraded', check }]
}
