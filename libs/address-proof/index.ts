/** How a server proves that it is of a data folder, before anything secret is sent to an address that stands there. */
export { challengeOf, type Challenge } from './challenge.ts'
export { type AddressProof, makeAddressKey, nonceForm, proveAddress } from './prove.ts'
