import { createHmac, randomBytes } from 'node:crypto'

/** What a server answers to a challenge. */
export interface AddressProof {
  readonly salt: string
  readonly proof: string
}

/** 32 bytes in base64url. */
export const nonceForm = /^[\w-]{43}$/

/** Random: an admin token that an operator set may be short, and whoever has an answer could try which one it is. */
export function makeAddressKey(): string {
  return random()
}

export const random = (): string => randomBytes(32).toString('base64url')

/**
 * Proves to whoever has the key of a data folder that the server at this address has it too. The proof holds for no other address, so that nobody
 * can have another server's. To anybody else it is random, and another each time: it tells of no two addresses whether they are one server's.
 */
export function proveAddress(key: string, address: string, nonce: string): AddressProof {
  const salt = random()
  return { salt, proof: digestOf(key, address, nonce, salt).toString('base64url') }
}

export function digestOf(key: string, address: string, nonce: string, salt: string): Buffer {
  const { origin } = new URL(address)
  return createHmac('sha256', key).update(`latchkey address\n${origin}\n${nonce}\n${salt}`).digest()
}
