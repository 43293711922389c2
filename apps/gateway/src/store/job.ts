import { errors, ScimError } from '#libs/scim/index'
import type { WriteRequest, Written } from '../record-store.ts'
import type { Queued } from './batches.ts'

export interface Job extends WriteRequest {
  settle(outcome: Written | ScimError): void
}

/** What waits to be written: one job most often, or several of which all are written or none. */
export interface Unit extends Queued {
  readonly jobs: readonly Job[]
}

export function userNameTaken(): ScimError {
  return errors.uniqueness(
    'Another user of this connection has this userName (letter case does not count). Look that user up with a filter on userName and update it, or send another userName.',
  )
}

/** The connection was deleted after the request had been let in. */
export function connectionDeleted(): ScimError {
  return errors.forbidden(
    'connection-deleted',
    'This connection has been deleted. Make another one and use its address and key.',
  )
}
