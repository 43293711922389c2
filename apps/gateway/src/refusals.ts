import { errorCodes, errorKinds } from '#libs/scim/index'

/**
 * Every code that a request can be refused with for a reason of the gateway's own, by the answer that it gets; those of the protocol are in `errors` of `libs/scim`. A code is stable: records, detections and
 * metrics go by it, and people look it up. Cause and fix are told where it is refused; a code that is not listed does not compile.
 */
const codes = {
  /** 400. */
  badRequest: [
    'host-missing',
    'host-repeated',
    'host-invalid',
    'authorization-repeated',
    'authorization-not-ascii',
    'transfer-coding-of-old-http',
    'address-unreadable',
    'invalid-token-request',
    'unsupported-grant',
  ],
  /** 401: no key was presented. */
  unauthenticated: ['key-missing', 'key-empty', 'key-other-scheme'],
  /** 401: what was presented is not accepted. */
  unauthorized: [
    'key-doubled-bearer',
    'key-tab-after-bearer',
    'key-quotes',
    'key-whitespace',
    'key-not-a-key',
    'key-admin-token',
    'key-unknown-environment',
    'key-truncated',
    'key-too-long',
    'key-bad-alphabet',
    'key-bad-checksum',
    'key-unknown',
    'key-wrong-secret',
    'key-of-another-environment',
    'key-expired',
    'key-cancelled',
    'key-revoked',
    'key-needs-token',
    'token-expired',
    'token-of-another-address',
    'token-invalid',
    'client-missing',
    'client-other-scheme',
    'certificate-missing',
    'certificate-unreadable',
    'certificate-unknown',
    'certificate-not-yet',
    'certificate-expired',
  ],
  /** 401, with what is to be signed. */
  unsigned: [
    'signature-missing',
    'signature-malformed',
    'signature-several',
    'signature-relabelled',
    'signature-components',
    'signature-parameters',
    'signature-wrong-tag',
    'signature-of-another-key',
    'signature-wrong-algorithm',
    'signature-expired',
    'signature-not-yet',
    'signature-too-old',
    'signature-too-long',
    'signature-wrong',
    'signature-replayed',
    'digest-malformed',
    'digest-unsupported',
    'digest-mismatch',
  ],
  /** 403. */
  forbidden: [
    'plain-http',
    'key-in-clear',
    'key-of-another-connection',
    'key-address-not-allowed',
    'key-takes-no-token',
    'connection-disabled',
    'connection-deleted',
    'not-a-sandbox',
    'discovery-filter',
    'deprovisioning-denied',
  ],
  /** 403, with the challenge of RFC 6750. */
  outOfScope: ['key-scope-missing'],
  /** 429. */
  limited: [
    'key-rate-exceeded',
    'connection-rate-exceeded',
    'too-many-bad-keys',
    'too-many-unknown-keys',
    'deprovisioning-held',
  ],
  /** 503: it cannot be told for now. */
  undecided: [
    'revocations-not-heard',
    'key-not-heard-of',
    'pepper-unknown',
    'signing-secret-away',
    'nonces-away',
    'dry-run-too-long',
    'dry-run-in-the-way',
  ],
} as const

type Kind = keyof typeof codes

/** The codes that are answered so. */
export type CodeOf<K extends Kind> = (typeof codes)[K][number]

type Refusing<K extends Kind> = (typeof errorKinds)[K] extends (code: string, ...told: infer Told) => infer Refusal
  ? (code: CodeOf<K>, ...told: Told) => Refusal
  : never

/** Makes the refusal of a code, in its one form. */
export const refusals: { readonly [K in Kind]: Refusing<K> } = errorKinds

/** All that a SCIM request, or one for a token, can be answered with. */
export const answerCodes: readonly string[] = [...errorCodes, ...Object.values(codes).flat()]
