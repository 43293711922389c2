import { type Dictionary, type InnerList, isInnerList, parseDictionary, serializeDictionary } from 'structured-headers'
import type { SignatureFault } from './faults.ts'
import type { VerifyingKey } from './keys.ts'
import { type Message, signatureBase } from './message.ts'
import { componentsFor, profile, type SignatureAlgorithm } from './profile.ts'

/** Who the request says it comes from by other means, and what it must fit. */
export interface Expected {
  readonly keyid: string
  readonly algorithm: SignatureAlgorithm
  readonly hasBody: boolean
  readonly now: Date
}

/** A signature that keeps to the profile; whether it is genuine is for `isProvedBy` to say. */
export interface ReadSignature {
  readonly kind: 'signature'
  readonly base: string
  readonly bytes: Uint8Array
  readonly nonce: string
  readonly created: Date
  readonly expires: Date
}

export interface FaultySignature {
  readonly kind: 'fault'
  readonly fault: SignatureFault
}

/**
 * Reads the signature of a request and holds it to the profile, before anything secret is asked. Headers that are not in the form that RFC 9651
 * section 4.1 serializes are malformed: so what occurs twice is never taken for once. Never throws.
 */
export function readSignature(message: Message, expected: Expected): ReadSignature | FaultySignature {
  const { 'signature-input': inputHeader, signature: signatureHeader } = message.headers
  if (inputHeader === undefined || signatureHeader === undefined) return faulty('missing')
  const [inputs, signatures] = [dictionaryIn(inputHeader), dictionaryIn(signatureHeader)]
  if (inputs === undefined || signatures === undefined) return faulty('malformed')
  if (inputs.size !== 1 || signatures.size !== 1) return faulty('several')
  const [[label, input] = []] = inputs
  if (label === undefined || input === undefined || !isInnerList(input)) return faulty('malformed')
  const signature = signatures.get(label)
  if (signature === undefined) return faulty('relabelled')
  const bytes = bytesIn(signature[0], signature[1])
  const components = componentsIn(input)
  if (bytes === undefined || components === undefined) return faulty('malformed')
  const required = componentsFor(message.headers, expected.hasBody)
  if (!required.every((name) => components.has(name))) return faulty('components')
  const read = parametersIn(input[1])
  if (read === undefined) return faulty('parameters')
  const fault = misfit(read, expected)
  if (fault !== undefined) return faulty(fault)
  // The one member of the dictionary, whose header is as it is serialized.
  const parameters = inputHeader.slice(label.length + '='.length)
  const base = signatureBase(message, [...components], parameters)
  if (base === undefined) return faulty('components')
  const { nonce } = read
  return { kind: 'signature', base, bytes, nonce, created: dateOf(read.created), expires: dateOf(read.expires) }
}

/** Whether the signature was made with the key, in a time that tells nothing of it. */
export function isProvedBy(key: VerifyingKey, { base, bytes }: ReadSignature): boolean {
  return key.verify(base, bytes)
}

function faulty(fault: SignatureFault): FaultySignature {
  return { kind: 'fault', fault }
}

function dictionaryIn(header: string): Dictionary | undefined {
  try {
    const parsed = parseDictionary(header)
    return serializeDictionary(parsed) === header ? parsed : undefined
  } catch {
    return undefined
  }
}

function bytesIn(value: unknown, parameters: ReadonlyMap<string, unknown>): Uint8Array | undefined {
  return value instanceof ArrayBuffer && parameters.size === 0 ? new Uint8Array(value) : undefined
}

/** Section 2: each at most once. Parameters, which change what a component means, are not taken. */
function componentsIn([items]: InnerList): ReadonlySet<string> | undefined {
  const names = new Set<string>()
  for (const [name, parameters] of items) {
    if (typeof name !== 'string' || parameters.size > 0 || names.has(name) || name !== name.toLowerCase())
      return undefined
    names.add(name)
  }
  return names
}

interface Parameters {
  readonly created: number
  readonly expires: number
  readonly keyid: string
  readonly nonce: string
  readonly alg: string
  readonly tag: string
}

function parametersIn(sent: ReadonlyMap<string, unknown>): Parameters | undefined {
  if (sent.size !== profile.parameters.length) return undefined
  const [created, expires, keyid, nonce, alg, tag] = profile.parameters.map((name) => sent.get(name))
  if (typeof created !== 'number' || typeof expires !== 'number') return undefined
  if (!Number.isInteger(created) || !Number.isInteger(expires) || expires <= created) return undefined
  if (typeof keyid !== 'string' || typeof nonce !== 'string') return undefined
  if (typeof alg !== 'string' || typeof tag !== 'string') return undefined
  if (nonce.length < profile.shortestNonce || nonce.length > profile.longestNonce) return undefined
  return { created, expires, keyid, nonce, alg, tag }
}

function misfit(
  { created, expires, keyid, alg, tag }: Parameters,
  { keyid: ours, algorithm, now }: Expected,
): SignatureFault | undefined {
  const seconds = now.getTime() / 1000
  if (tag !== profile.tag) return 'wrong-tag'
  if (keyid !== ours) return 'of-another-key'
  if (alg !== algorithm) return 'wrong-algorithm'
  if (expires <= seconds) return 'expired'
  if (created > seconds + profile.longestSkew) return 'not-yet'
  if (created < seconds - profile.longestSkew) return 'too-old'
  if (expires > created + profile.longestLife) return 'too-long'
  return undefined
}

function dateOf(seconds: number): Date {
  return new Date(seconds * 1000)
}
