/**
 * Signed requests: HTTP Message Signatures (RFC 9421) over a digest of the body (RFC 9530), by the one profile that the gateway takes. Who signs and
 * who verifies share the signature base; nothing here knows keys' lives, clocks or stores.
 */
export { digestFault } from './content-digest.ts'
export {
  isPublicKey,
  readSigningKey,
  readVerifyingKey,
  writtenPublicKey,
  type SigningKey,
  type VerifyingKey,
} from './keys.ts'
export { messageOf, type Message } from './message.ts'
export { acceptSignature, algorithms, profile } from './profile.ts'
export { signatureAdvice, type SignatureFault } from './faults.ts'
export { signRequest, type Signer } from './sign.ts'
export { isProvedBy, readSignature, type Expected, type ReadSignature } from './verify.ts'
