import { z } from 'zod'
import { adminScopes } from '#libs/admin/index'
import { keyStates } from '#libs/credentials/index'
import {
  cancelledOutcomes,
  connectionSettings,
  environments,
  finishedOutcomes,
  identityProviders,
  keyScopes,
} from '#libs/events/index'
import { rotationModes } from '../rotation-policy.ts'

/** What the admin API answers, for its description, in which what has an id is a component of its own; `answers.ts` makes it, and the tests hold the two together. */

const instant = z.iso.datetime()
const use = z.object({ at: instant, address: z.string(), userAgent: z.string().nullable() }).nullable()

/** A page of a list. `next` is given as `after` for the page that follows; absent on the last. */
export function listOf(item: z.ZodType) {
  return z.object({ items: z.array(item), next: z.string().optional() })
}

export const tenantShown = z.object({ id: z.string(), name: z.string(), createdAt: instant }).meta({ id: 'Tenant' })

export const connectionShown = z
  .object({
    id: z.string(),
    tenant: z.string(),
    name: z.string(),
    environment: z.enum(environments),
    identityProvider: z.enum(identityProviders),
    state: z.enum(['enabled', 'disabled']),
    settings: connectionSettings,
    schemas: z.array(z.string()),
    scimBaseUrl: z.string(),
    createdAt: instant,
    deletedAt: instant.nullable(),
  })
  .meta({ id: 'Connection' })

/** A SCIM Schema document (RFC 7643 section 7). */
export const schemaDocumentShape = z
  .looseObject({ id: z.string(), name: z.string(), attributes: z.array(z.looseObject({ name: z.string() })) })
  .describe('a SCIM Schema document, RFC 7643 section 7')

export const schemaShown = z
  .object({
    id: z.string(),
    resourceType: z.enum(['User', 'Group']),
    required: z.boolean(),
    inUse: z.boolean(),
    document: schemaDocumentShape,
  })
  .meta({ id: 'ExtensionSchema' })

const authentication = z.discriminatedUnion('method', [
  z.object({ method: z.literal('bearer') }),
  z.looseObject({ method: z.literal('signed'), algorithm: z.enum(['hmac-sha256', 'ed25519']) }),
  z.object({ method: z.literal('mtls'), certificates: z.array(z.string()) }),
  z.object({ method: z.literal('oauth') }),
])

export const keyShown = z
  .object({
    kid: z.string(),
    connection: z.string(),
    tenant: z.string(),
    environment: z.enum(environments),
    state: z.enum(keyStates),
    scimBaseUrl: z.string(),
    createdAt: instant,
    activatedAt: instant.nullable(),
    retiredAt: instant.nullable(),
    until: instant.nullable(),
    exposedAt: instant.nullable(),
    endedAt: instant.nullable(),
    policy: z.object({
      authentication,
      allowlist: z.array(z.string()),
      scopes: z.array(z.enum(keyScopes)),
      expiresAt: instant.nullable(),
      rate: z.object({ perSecond: z.int(), burst: z.int() }).nullable(),
    }),
    firstUsed: use,
    lastUsed: use,
    keyShown: z.enum(['once', 'again']),
    revealable: z.boolean(),
    pepperVersion: z
      .int()
      .describe('of the pepper that it is digested under; it becomes the current a moment after its next use'),
    key: z.string().optional().describe('the key itself, where it is shown: to tokens with keys:mint alone'),
    signingSecret: z.string().optional().describe('the secret that signs, once, where it is made'),
  })
  .meta({ id: 'Key' })

export const tokenShown = z
  .object({
    id: z.string(),
    name: z.string(),
    state: z.enum(['active', 'expired', 'revoked']),
    scopes: z.array(z.enum(adminScopes)),
    tenants: z.array(z.string()).nullable(),
    allowlist: z.array(z.string()),
    expiresAt: instant.nullable(),
    createdAt: instant,
    createdBy: z.string(),
    revokedAt: instant.nullable(),
    lastUsed: use,
    pepperVersion: z
      .int()
      .describe('of the pepper that it is digested under; it becomes the current at its next use at the keys service'),
    token: z.string().optional().describe('the token itself, once, where it is made'),
  })
  .meta({ id: 'AdminToken' })

export const pepperShown = z
  .object({
    version: z.int(),
    isCurrent: z.boolean(),
    isHeld: z.boolean().describe('false for one that was left out'),
    keys: z.int().describe('accepted keys that are digested under it'),
    kids: z.array(z.string()).describe('20 of these keys at the most'),
    tokens: z.int().describe('admin tokens, not revoked, that are digested under it'),
  })
  .meta({ id: 'Pepper' })

export const rotationPolicyShown = z
  .object({
    connection: z.string(),
    mode: z.enum(rotationModes),
    everyDays: z.int().nullable(),
    graceHours: z.int(),
    mintAheadDays: z.int(),
    dueAt: instant.nullable(),
    mintAt: instant.nullable(),
  })
  .meta({ id: 'RotationPolicy' })

const actor = z.object({
  kind: z.enum(['operator', 'schedule', 'time']),
  request: z.string().optional(),
  address: z.string().optional(),
  actor: z.string().optional().describe('Id of the admin token that was proved; bootstrap: that of the data folder.'),
})

export const rotationShown = z
  .object({
    id: z.string(),
    connection: z.string(),
    tenant: z.string(),
    mode: z.enum(rotationModes),
    graceHours: z.int(),
    state: z.enum(['running', 'finished', 'cancelled']),
    startedAt: instant,
    startedBy: actor,
    dueAt: instant,
    hardEnd: instant.nullable(),
    cutOverAt: instant.nullable(),
    until: instant.nullable(),
    extensions: z.int(),
    endedAt: instant.nullable(),
    endedBy: actor.nullable(),
    outcome: z.enum([...finishedOutcomes, ...cancelledOutcomes]).nullable(),
    newKey: z.object({ kid: z.string(), firstUsed: use, lastUsed: use }),
    oldKey: z.object({ kid: z.string(), lastUsed: use, stillUsed: z.boolean() }),
  })
  .meta({ id: 'Rotation' })

export const rotationStarted = rotationShown.extend({
  keyShown: z.enum(['once', 'again']),
  revealable: z.boolean().describe('the key was withheld: the token may not mint, and who may reveals it'),
  key: z.string().optional(),
  signingSecret: z.string().optional(),
})

const kek = z.looseObject({})
export const dataKeysShown = z.object({ kek, all: z.int(), outdated: z.int() })
export const rewrapped = z.object({
  kek,
  rewrapped: z.int(),
  remaining: z.int(),
  failed: z.array(z.object({ tenant: z.string(), dataKey: z.string(), fault: z.string(), detail: z.string() })),
  next: z.string().optional().describe('given as "after", goes on past this batch'),
})

export const leaksShown = z.object({
  results: z.array(
    z.object({
      kid: z.string().nullable(),
      token: z.string().optional().describe('Id of an admin token.'),
      outcome: z.enum([
        'revoked',
        'revoked before',
        'not revocable: replace it in its file',
        'not a key of this installation',
      ]),
    }),
  ),
})
