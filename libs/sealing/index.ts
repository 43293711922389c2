/**
 * Secrets that must be recoverable: each is sealed under the data key of its tenant, each data key is wrapped by a key encryption key (KEK) that is kept
 * in a file, in Vault or OpenBao, or in AWS KMS. What is wrapped and sealed may be stored and published; what is unwrapped stays in memory.
 */
export { kekForm, type KekAddress, parseKek } from './address.ts'
export { DataKeys, type StoredDataKey } from './data-keys.ts'
export { SealingError, type SealingFault } from './errors.ts'
export { Keyring } from './keyring.ts'
export { makeLocalKek } from './local-file.ts'
export type { KekStatus, WrappedKey } from './provider.ts'
export { signingPurpose } from './purposes.ts'
export { dataKeyNamed, dataKeyOf, type DataKey, makeDataKey, openUnder, sealUnder } from './seal.ts'
