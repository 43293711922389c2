import { z } from 'zod'
import { type KeyPolicy, keyScopes } from '#libs/events/index'
import { isPublicKey } from '#libs/signatures/index'
import { isBeyondLife } from '../rotation-policy.ts'
import { allowlistRule } from './rules.ts'

/** What an operator may have a key do: held to sense here, at the edge, and only read from then on. */

const certificates = z
  .array(z.string().regex(/^[\da-f]{64}$/, 'is not a SHA-256 thumbprint: 64 lower-case hexadecimal digits'))
  .min(1, 'names no certificate: nobody could use the key')
  .max(10, 'names more than 10 certificates')

const bearer = z.strictObject({ method: z.literal('bearer') })
const hmac = z.strictObject({ method: z.literal('signed'), algorithm: z.literal('hmac-sha256') })
const ed25519 = z.strictObject({
  method: z.literal('signed'),
  algorithm: z.literal('ed25519'),
  publicKey: z
    .string('is missing: base64url of the 32 bytes of an Ed25519 public key')
    .refine(isPublicKey, 'is not base64url of the 32 bytes of an Ed25519 public key by which anything can be proved')
    .describe('base64url of the 32 bytes of an Ed25519 public key'),
})
const signed = z.discriminatedUnion('algorithm', [hmac, ed25519], 'is neither hmac-sha256 nor ed25519')
const mtls = z.strictObject({ method: z.literal('mtls'), certificates })
const oauth = z.strictObject({ method: z.literal('oauth') })

const authentication = z.discriminatedUnion(
  'method',
  [bearer, signed, mtls, oauth],
  'has no method that there is: bearer, signed, mtls or oauth',
)

const scopes = z
  .array(z.enum(keyScopes))
  .refine((names) => new Set(names).size === names.length, 'names a scope twice')
  .refine(
    (names) => names.includes('read') || names.includes('write'),
    'allows neither read nor write: nobody could use the key',
  )
  .refine(
    (names) => names.includes('users') || names.includes('groups'),
    'allows neither users nor groups: nobody could use the key',
  )
  .describe('read or write or both, and users or groups or both; each once')

/** Kept in UTC. */
const expiresAt = (now: Date) =>
  z.iso
    .datetime({ offset: true, error: 'is not a time such as 2027-01-31T12:00:00Z' })
    .transform((text) => new Date(text).toISOString())
    .refine((text) => Date.parse(text) > now.getTime(), 'lies in the past: revoke a key that must not be used any more')
    .refine(
      (text) => !isBeyondLife(new Date(text), now),
      'lies more than 100 years ahead: null means that the key does not expire',
    )
    .nullable()

const rate = z
  .strictObject({ perSecond: z.int().min(25).max(10_000), burst: z.int().min(1).max(100_000) })
  .refine(({ perSecond, burst }) => burst >= perSecond, 'has a burst below what may come in a second')
  .refine(({ perSecond, burst }) => burst <= 10 * perSecond, 'has a burst above what may come in ten seconds')
  .describe('burst is no less than perSecond, and no more than ten times as much')
  .nullable()

/** The body of a mint; all of it may be left out. */
export function newKey(now: Date) {
  const policy = z.strictObject({
    authentication: authentication.default({ method: 'bearer' }),
    allowlist: allowlistRule.default([]),
    scopes: scopes.default([...keyScopes]),
    expiresAt: expiresAt(now).default(null),
    rate: rate.default(null),
  })
  return z.strictObject({ policy: policy.prefault({}) })
}

/** What may change of a key: what is left out stays. */
export function keyChange(now: Date) {
  return z.strictObject({
    policy: z.strictObject({
      authentication: z
        .undefined(
          'never changes: mint another key with the one that you want, and revoke this one. The certificates of one of mtls do change: as policy.certificates',
        )
        .optional(),
      allowlist: allowlistRule.optional(),
      scopes: scopes.optional(),
      expiresAt: expiresAt(now).optional(),
      rate: rate.optional(),
      certificates: certificates.optional(),
    }),
  })
}

type Change = z.infer<ReturnType<typeof keyChange>>['policy']

/** The policy after the change. Undefined where the change names certificates of a key that does not have any. */
export function changed(
  policy: KeyPolicy,
  { certificates: wanted, authentication: _never, ...rest }: Change,
): KeyPolicy | undefined {
  const named = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined))
  const after = { ...policy, ...named }
  if (wanted === undefined) return after
  if (policy.authentication.method !== 'mtls') return undefined
  return { ...after, authentication: { method: 'mtls', certificates: wanted } }
}
