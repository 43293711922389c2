import { z } from 'zod'

/** Answers of the admin API, as far as they are shown; what else they hold is passed on with --json. */

export const tenant = z.looseObject({ id: z.string(), name: z.string(), createdAt: z.string() })
export type Tenant = z.infer<typeof tenant>

export const connection = z.looseObject({
  id: z.string(),
  tenant: z.string(),
  name: z.string(),
  environment: z.string(),
  identityProvider: z.string(),
  state: z.string(),
  settings: z.looseObject({
    patchAnswer: z.string(),
    mode: z.string(),
    conflicts: z.string(),
    adoptBy: z.array(z.string()),
    guard: z.string(),
    guardMost: z.number(),
    guardPercent: z.number(),
    guardMinutes: z.number(),
  }),
  schemas: z.array(z.string()),
  scimBaseUrl: z.string(),
  createdAt: z.string(),
  deletedAt: z.string().nullish(),
})
export type Connection = z.infer<typeof connection>

export const schemaAttribute = z.looseObject({
  name: z.string(),
  type: z.string(),
  mutability: z.string(),
  returned: z.string(),
  multiValued: z.boolean(),
  required: z.boolean(),
  caseExact: z.boolean(),
})

export const schema = z.looseObject({
  id: z.string(),
  resourceType: z.string(),
  required: z.boolean(),
  inUse: z.boolean(),
  document: z.looseObject({
    name: z.string(),
    attributes: z.array(schemaAttribute.extend({ subAttributes: z.array(schemaAttribute).optional() })),
  }),
})
export type Schema = z.infer<typeof schema>

/** An answer without a body. */
export const removed = z.undefined()

const use = z.object({ at: z.string(), address: z.string(), userAgent: z.string().nullable() }).nullable()

export const key = z.looseObject({
  kid: z.string(),
  connection: z.string(),
  environment: z.string(),
  state: z.string(),
  scimBaseUrl: z.string(),
  createdAt: z.string(),
  exposedAt: z.string().nullable().optional(),
  endedAt: z.string().nullable(),
  until: z.string().nullable().default(null),
  firstUsed: use.default(null),
  lastUsed: use,
  revealable: z.boolean().default(false),
  pepperVersion: z.number().optional(),
  policy: z
    .looseObject({
      authentication: z
        .looseObject({
          method: z.string().optional(),
          algorithm: z.string().optional(),
          certificates: z.array(z.string()).optional(),
        })
        .optional(),
      allowlist: z.array(z.string()).default([]),
      scopes: z.array(z.string()).default([]),
      expiresAt: z.string().nullable().default(null),
      rate: z.object({ perSecond: z.number(), burst: z.number() }).nullable().default(null),
    })
    .optional(),
  key: z.string().optional(),
  signingSecret: z.string().optional(),
})
export type Key = z.infer<typeof key>

export const token = z.looseObject({
  id: z.string(),
  name: z.string(),
  state: z.string(),
  scopes: z.array(z.string()),
  tenants: z.array(z.string()).nullable(),
  allowlist: z.array(z.string()),
  expiresAt: z.string().nullable(),
  createdAt: z.string(),
  createdBy: z.string(),
  revokedAt: z.string().nullable(),
  lastUsed: use,
  pepperVersion: z.number().optional(),
  token: z.string().optional(),
})
export type Token = z.infer<typeof token>

const pepper = z.looseObject({
  version: z.number(),
  isCurrent: z.boolean(),
  isHeld: z.boolean(),
  keys: z.number(),
  kids: z.array(z.string()),
  tokens: z.number(),
})
export type Pepper = z.infer<typeof pepper>
export const peppers = z.object({ items: z.array(pepper) })

export const rotationPolicy = z.looseObject({
  connection: z.string(),
  mode: z.string(),
  everyDays: z.number().nullable(),
  graceHours: z.number(),
  mintAheadDays: z.number(),
  dueAt: z.string().nullable(),
  mintAt: z.string().nullable(),
})
export type RotationPolicy = z.infer<typeof rotationPolicy>

const actor = z.looseObject({
  kind: z.string(),
  request: z.string().optional(),
  address: z.string().optional(),
  actor: z.string().optional(),
})
export type Actor = z.infer<typeof actor>

export const rotation = z.looseObject({
  id: z.string(),
  connection: z.string(),
  mode: z.string(),
  graceHours: z.number(),
  state: z.string(),
  startedAt: z.string(),
  startedBy: actor,
  dueAt: z.string(),
  hardEnd: z.string().nullable(),
  cutOverAt: z.string().nullable(),
  until: z.string().nullable(),
  extensions: z.number(),
  endedAt: z.string().nullable(),
  endedBy: actor.nullable(),
  outcome: z.string().nullable(),
  newKey: z.object({ kid: z.string(), firstUsed: use, lastUsed: use }),
  oldKey: z.object({ kid: z.string(), lastUsed: use, stillUsed: z.boolean() }),
  revealable: z.boolean().default(false),
  keyShown: z.string().optional(),
  key: z.string().optional(),
  signingSecret: z.string().optional(),
})
export type Rotation = z.infer<typeof rotation>

export const rewrapped = z.looseObject({
  kek: z.object({ id: z.string(), version: z.string() }),
  rewrapped: z.number(),
  remaining: z.number(),
})

const record = { id: z.string(), kind: z.string(), name: z.string(), version: z.number(), createdAt: z.string() }

/** A deleted user or group. */
export const deletedRecord = z.looseObject({ ...record, deletedAt: z.string(), restorableUntil: z.string() })

export const restoredRecord = z.looseObject(record)

/** What waits for a person at a connection, or has been decided about. */
export const guard = z.looseObject({
  connection: z.string(),
  state: z.string(),
  heldSince: z.string().nullable(),
  tried: z.number(),
  examples: z.array(z.object({ kind: z.string(), id: z.string() })),
  until: z.string().nullable(),
  left: z.number().nullable(),
})
export type Guard = z.infer<typeof guard>

export const readiness = z.object({
  status: z.string(),
  missing: z.array(z.object({ name: z.string(), reason: z.string() })),
  degraded: z.array(z.object({ name: z.string(), reason: z.string() })).default([]),
  version: z.string().optional(),
})

export const followers = z.object({ items: z.array(z.object({ group: z.string(), state: z.string() })) })

export const deadLetters = z.object({
  items: z.array(
    z.looseObject({ id: z.string(), name: z.string(), key: z.string(), reason: z.string(), buriedAt: z.string() }),
  ),
})

export const replayed = z.object({ applied: z.array(z.string()), stillDead: z.array(z.string()) })

export const decidedRequest = z.looseObject({
  id: z.string(),
  receivedAt: z.string(),
  method: z.string(),
  path: z.string(),
  environment: z.string().nullish(),
  operation: z.string().nullable(),
  address: z.string(),
  userAgent: z.string().nullable(),
  actor: z.string().optional(),
  status: z.number(),
  code: z.string().nullable(),
  detail: z.string().nullable(),
  changed: z.array(z.string()),
  dryRun: z.object({ changed: z.array(z.string()), events: z.array(z.string()) }).optional(),
  dialect: z.string().optional(),
  steps: z.array(
    z.object({ step: z.string(), decision: z.string(), code: z.string().optional(), microseconds: z.number() }),
  ),
  deviations: z.array(
    z.looseObject({
      code: z.string(),
      pointer: z.string(),
      cause: z.string().optional(),
      fix: z.string().optional(),
      setting: z.string().optional(),
    }),
  ),
})
export type DecidedRequest = z.infer<typeof decidedRequest>

export const decidedRequests = z.object({ items: z.array(decidedRequest) })

export const replayedRequest = z.looseObject({
  requestId: z.string(),
  request: z.looseObject({ method: z.string(), path: z.string() }),
  response: z.looseObject({ status: z.number(), body: z.unknown().optional() }),
})

export const detection = z.looseObject({
  id: z.string(),
  rule: z.string(),
  severity: z.string(),
  state: z.string(),
  mutedUntil: z.string().nullable(),
  tenant: z.string().nullable(),
  connection: z.string().nullable(),
  environment: z.string().nullish(),
  subject: z.object({ kind: z.string(), id: z.string() }),
  count: z.number(),
  firstSeen: z.string(),
  lastSeen: z.string(),
  requests: z.array(z.string()),
  cause: z.string(),
  fix: z.string(),
})
export type Detection = z.infer<typeof detection>
