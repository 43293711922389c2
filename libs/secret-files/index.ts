/**
 * Files that hold a secret: made once, durably and for their owner alone, and taken only where nobody else may read them. What they hold, and what to do
 * where one is missing, is for those to know who ask.
 */
export { SecretFileError, type SecretFileFault } from './error.ts'
export { makeSecretFile, reserveSecretFile, type ReservedFile } from './make.ts'
export { allowedMode, readSecretFile, readSecretOnce } from './read.ts'
