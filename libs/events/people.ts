import { z } from 'zod'
import { environments } from './trust.ts'

/** What the gateway tells of people and groups: our words, whatever protocol brought them. */

const scope = {
  tenant: z.string(),
  connection: z.string(),
  environment: z.enum(environments),
}

const labelled = z.object({
  value: z.string(),
  type: z.string().optional(),
  primary: z.boolean().optional(),
})

export const person = z.object({
  id: z.string(),
  externalId: z.string().optional(),
  userName: z.string(),
  displayName: z.string().optional(),
  givenName: z.string().optional(),
  familyName: z.string().optional(),
  formattedName: z.string().optional(),
  title: z.string().optional(),
  userType: z.string().optional(),
  preferredLanguage: z.string().optional(),
  locale: z.string().optional(),
  timezone: z.string().optional(),
  active: z.boolean(),
  emails: z.array(labelled),
  phoneNumbers: z.array(labelled),
  roles: z.array(labelled),
  employeeNumber: z.string().optional(),
  costCenter: z.string().optional(),
  organization: z.string().optional(),
  division: z.string().optional(),
  department: z.string().optional(),
  managerId: z.string().optional(),
})
export type Person = z.infer<typeof person>

const userState = z.object({ ...scope, person })
/** SCIM names of the attributes that differ from the version before; an extension's as URN:attribute. */
const changed = z.array(z.string())
/** The same attributes, with `valueDigest` of each value; null where there is none. */
const changes = z
  .array(z.object({ attribute: z.string(), before: z.string().nullable(), after: z.string().nullable() }))
  .optional()

export const userEvents = {
  'user.provisioned': userState,
  'user.changed': userState.extend({ changed, changes }),
  'user.deactivated': userState.extend({ changes }),
  'user.reactivated': userState.extend({ changes }),
  'user.deprovisioned': z.object({ ...scope, personId: z.string() }),
  'user.restored': userState,
}

export const group = z.object({
  id: z.string(),
  externalId: z.string().optional(),
  displayName: z.string(),
})
export type GroupFacts = z.infer<typeof group>

/** `kind` is absent while nobody with that id is known. */
export const memberReference = z.object({ id: z.string(), kind: z.enum(['user', 'group']).optional() })
export type MemberReference = z.infer<typeof memberReference>

const groupState = z.object({ ...scope, group })

/** Members come as deltas of at most 1,000 each: a follower applies them in order, by the contiguous event version. */
export const groupEvents = {
  'group.created': groupState,
  'group.changed': groupState.extend({ changed, changes }),
  'group.members-changed': z.object({
    ...scope,
    groupId: z.string(),
    added: z.array(memberReference),
    removed: z.array(z.string()),
  }),
  'group.deleted': z.object({ ...scope, groupId: z.string() }),
  'group.restored': groupState,
}
