import type { ScimError } from '#libs/scim/index'
import type { MembershipEdit } from '../membership.ts'
import type { Intent } from '../provisioning.ts'
import type { ScimRecord } from '../record.ts'
import type { Job } from './job.ts'
import { recordRow } from './record-row.ts'

/** A job on its way through the batch: decided, but not yet written. */
export interface Planned {
  readonly job: Job
  readonly before: ScimRecord | undefined
  readonly intent: Intent
  readonly edit: MembershipEdit
}

/** What was written, or why it was not. */
export type PlannedOrRefused = Planned | ScimError

/** The connections, and in the same order the ids, for a statement that takes both as arrays. */
export function idsOf(jobs: readonly Job[]): [string[], string[]] {
  return [jobs.map((job) => job.principal.connection), jobs.map((job) => job.command.id)]
}

/** The record as it is to be written. Throws invalidValue for what cannot be looked up. */
export function rowOf(
  { principal, type, occasion }: Job,
  record: Pick<Intent, 'id' | 'version' | 'document'>,
  before?: ScimRecord,
): object {
  return recordRow(type.name, principal.connection, record, occasion.time, before?.document)
}
