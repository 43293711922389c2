export { findSecrets, type Found } from './find.ts'
export { keyFormat, mintKey, readAuthorization, readKey, readKid, wholeLength } from './key.ts'
export type { FaultyKey, Kid, ReadKey, Secret } from './key.ts'
export {
  adminTokenFormat,
  looksLikeAdminToken,
  mintAdminToken,
  readAdminToken,
  readTokenId,
  type TokenId,
} from './admin-token.ts'
export { faultAdvice, type Advice } from './advice.ts'
export {
  addPepper,
  derivedSecret,
  fingerprints,
  formatPeppers,
  generatePeppers,
  parsePeppers,
  type Peppers,
  UnreadablePeppers,
} from './peppers.ts'
export { digest, matches, type StoredDigest } from './digest.ts'
export { decrypt, encrypt } from './aead.ts'
export { open, seal } from './seal.ts'
export { randomDigits } from './base62.ts'
export { type AcceptedState, isAccepted, keyActs, keyStates, next, type KeyAct, type KeyState } from './life.ts'
