import { z } from 'zod'
import { environments, identityProviders } from './trust.ts'

/** What became of one request, step by step. Holds no secret, no query string and no body. */

/** `skipped`: nothing was asked of the request there, so that nothing was proved, or counted. */
export const stepDecision = z.object({
  step: z.string(),
  decision: z.enum(['passed', 'refused', 'skipped']),
  code: z.string().optional(),
  microseconds: z.int().nonnegative(),
})
export type StepDecision = z.infer<typeof stepDecision>

/** Something that was not as the RFC has it and was accepted all the same. */
export const deviation = z.object({
  /** Stable, from the list in docs/deviations.md. */
  code: z.string(),
  /** JSON pointer into the body, or ?name for a query parameter. */
  pointer: z.string(),
  cause: z.string().optional(),
  fix: z.string().optional(),
  /** What of the identity provider's known habits it is. */
  quirk: z.string().optional(),
  /** Where the identity provider can be told to do otherwise. */
  setting: z.string().optional(),
})

export const requestDecided = z.object({
  requestId: z.string(),
  surface: z.enum(['scim', 'admin']),
  tenant: z.string().nullable(),
  connection: z.string().nullable(),
  environment: z.enum(environments).nullable(),
  identityProvider: z.enum(identityProviders).nullable(),
  /** The id part of the key that was presented and proved; null when none was. */
  kid: z.string().nullable(),
  /** Who asked of an admin API: the id of the admin token that was proved, or bootstrap. Absent where nobody was. */
  actor: z.string().optional(),
  method: z.string(),
  /** Without its query string. */
  path: z.string(),
  /** Of a request for a token with a key of another connection: the connection that its client_id names, where that may be an id. */
  client: z.string().optional(),
  /** noun.verb, such as users.create; null when the path names none. */
  operation: z.string().nullable(),
  address: z.string(),
  userAgent: z.string().nullable(),
  steps: z.array(stepDecision),
  outcome: z.enum(['accepted', 'refused', 'failed']),
  status: z.int(),
  /** Stable code of the error answered, from the protocol's list. */
  code: z.string().nullable(),
  /** Cause and fix as answered. */
  detail: z.string().nullable(),
  subject: z.object({ kind: z.string(), id: z.string() }).nullable(),
  changed: z.array(z.string()),
  /** Ids of the events that this request brought about. */
  events: z.array(z.string()),
  /** For an operation of a bulk request, and for the share of one tenant in an admin call that touched what several have: the id of that request. */
  within: z.string().optional(),
  /** For a bulk request: how many operations it had, how many were refused, and how many were not begun after too many errors. */
  bulk: z
    .object({ operations: z.int().nonnegative(), refused: z.int().nonnegative(), notBegun: z.int().nonnegative() })
    .optional(),
  /** Id of the captured request that an operator sent again by this one. */
  replayOf: z.string().optional(),
  /** Set when nothing of what it asked for was done: names of the attributes that would have changed, and of the events that would have been published. */
  dryRun: z.object({ changed: z.array(z.string()), events: z.array(z.string()) }).optional(),
  /** For a request refused as one of too many: how many were refused for the same before it, and left no record. */
  alike: z.int().nonnegative().optional(),
  /** Set when it deactivated or deleted a user. */
  takesAway: z.literal(true).optional(),
  /** For a list or a search that was answered: how many users and groups it showed. */
  shown: z.int().nonnegative().optional(),
  /** How the caller's SCIM was read, such as entra or okta-catalog; absent until it was known who it is. */
  dialect: z.string().optional(),
  deviations: z.array(deviation),
  receivedAt: z.iso.datetime(),
  microseconds: z.int().nonnegative(),
  traceId: z.string(),
})
export type RequestDecided = z.infer<typeof requestDecided>

/**
 * Whether the steps of the way in accepted the key, whatever became of the request then. Of a key that is exchanged, whoever is given a token is let in. An
 * operation of a bulk request is not: the request was.
 */
export function isLetIn({ kid, operation, outcome, steps }: RequestDecided): boolean {
  if (kid === null) return false
  if (operation === 'tokens.issue') return outcome === 'accepted'
  const said = (name: string) => steps.find(({ step }) => step === name)?.decision
  const proof = said('signature')
  return said('key') === 'passed' && (proof === 'passed' || proof === 'skipped')
}

export const requestEvents = { 'request.decided': requestDecided }
