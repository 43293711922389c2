import { profile } from './profile.ts'

export type SignatureFault =
  | 'missing'
  | 'malformed'
  | 'several'
  | 'relabelled'
  | 'components'
  | 'parameters'
  | 'wrong-tag'
  | 'of-another-key'
  | 'wrong-algorithm'
  | 'expired'
  | 'not-yet'
  | 'too-old'
  | 'too-long'
  | 'wrong'
  | 'replayed'
  | 'digest-malformed'
  | 'digest-unsupported'
  | 'digest-mismatch'

interface Advice {
  readonly cause: string
  readonly fix: string
}

const list = (names: readonly string[]): string => names.map((name) => `"${name}"`).join(' ')
const clock = 'Set the clock of the client by NTP, and sign each request right before it is sent.'
const again = 'Sign the request again, with a new nonce, right before it is sent.'

/** What a person is told about a signature that is not taken; none of it repeats what was presented. */
export const signatureAdvice: { readonly [Fault in SignatureFault]: Advice } = {
  missing: {
    cause:
      'This key is accepted with a signature alone, and the request has no Signature-Input or no Signature header.',
    fix: 'Sign the request (RFC 9421), as latchkey sign does; before an identity provider that cannot, put latchkey sign-proxy.',
  },
  malformed: {
    cause:
      'The Signature-Input or the Signature header is not in the form that RFC 9651 section 4.1 writes, or holds something twice.',
    fix: 'Write both headers with a library for structured fields, each of them once, with one label.',
  },
  several: {
    cause: 'The Signature-Input or the Signature header does not have exactly one label.',
    fix: 'Send one signature, and have proxies on the way add none.',
  },
  relabelled: {
    cause: 'The label of the Signature header is not that of the Signature-Input header.',
    fix: 'Give both the same label, and have proxies on the way change neither.',
  },
  components: {
    cause:
      'The signature does not cover what it must, or covers something that the request does not have or that cannot be covered here.',
    fix: `Cover ${list(profile.components)} and, with a body, ${list(profile.bodyComponents)}; where the request has it, ${list(profile.fields)}. Further header fields of the request may be covered too.`,
  },
  parameters: {
    cause: 'The parameters of the signature are not exactly those that it must have.',
    fix: `Give ${profile.parameters.join(', ')}, and no others: created and expires as whole seconds, in that order, the rest as strings, the nonce of ${profile.shortestNonce} to ${profile.longestNonce} characters.`,
  },
  'wrong-tag': {
    cause: 'The tag of the signature is another.',
    fix: `Sign with tag="${profile.tag}".`,
  },
  'of-another-key': {
    cause: 'The keyid of the signature is not that of the key in the Authorization header.',
    fix: 'Sign with the kid of that key as keyid: the 12 characters after lk_live_ or lk_test_.',
  },
  'wrong-algorithm': {
    cause: 'The alg of the signature is not the one that this key was minted for.',
    fix: 'Sign with the algorithm that the policy of the key names.',
  },
  expired: { cause: 'The signature has expired.', fix: `${again} ${clock}` },
  'not-yet': {
    cause: `The signature was created more than ${profile.longestSkew} seconds ahead of the clock of this service.`,
    fix: clock,
  },
  'too-old': {
    cause: `The signature was created more than ${profile.longestSkew} seconds ago.`,
    fix: clock,
  },
  'too-long': {
    cause: `The signature expires more than ${profile.longestLife} seconds after it was created.`,
    fix: `Let expires be at most created + ${profile.longestLife}.`,
  },
  wrong: {
    cause:
      'The signature is not one of this key over this request: it was made with another secret, or something that it covers was changed afterwards.',
    fix: 'Sign with the secret that was shown with this key, for the URL as it is called, path and query as they are sent, and have proxies on the way change none of it.',
  },
  replayed: { cause: 'A request with this nonce has been taken before.', fix: again },
  'digest-malformed': {
    cause: 'The Content-Digest header cannot be read.',
    fix: 'Send it once, such as sha-256=:BASE64: (RFC 9530 section 2).',
  },
  'digest-unsupported': {
    cause: 'The Content-Digest header holds no digest that can be checked.',
    fix: 'Send a digest by sha-256 or sha-512 (RFC 9530).',
  },
  'digest-mismatch': {
    cause: 'The Content-Digest header is not that of the body: the body was changed after it was signed.',
    fix: 'Take the digest of the bytes that are sent, after all encoding, and have proxies on the way leave them as they are.',
  },
}
