import { errors, ScimError } from '#libs/scim/index'
import { refusals } from '../refusals.ts'
import { adoptByOf } from '../provisioning.ts'
import type { WriteRequest, Written } from '../record-store.ts'
import type { Queued } from './batches.ts'

export interface Job extends WriteRequest {
  settle(outcome: Written | ScimError): void
}

/** What waits to be written: one job most often, or several of which all are written or none. */
export interface Unit extends Queued {
  readonly jobs: readonly Job[]
}

const taken =
  'Another user of this connection has this userName (letter case does not count). Look that user up with a filter on userName and update it, or send another userName.'

export function userNameTaken(): ScimError {
  return errors.uniqueness(taken)
}

/** A user that was to be created is there already. The answer says how it could be adopted. */
export function userExists({ principal, command }: Job): ScimError {
  const adoptBy = adoptByOf(command)
  const set = `To have such a request take over the user that is there, let the connection adopt users: latchkey connections set ${principal.connection}`
  if (adoptBy.length > 0) return errors.uniqueness(`${taken} ${set} --adopt-by ${[...adoptBy, 'userName'].join()}`)
  return errors.uniqueness(
    principal.settings.conflicts === 'adopt'
      ? `${taken} Nobody is adopted where resources of a bulk request refer to each other in a circle: create this user by itself.`
      : `${taken} ${set} --conflicts adopt`,
  )
}

/** A user that is there was to be taken over under a name that a third one has. */
export function adoptedNameTaken(by: string): ScimError {
  return errors.uniqueness(
    `The user to be created was found by ${by}, but another user of this connection has this userName (letter case does not count). Rename or delete one of the two, or send another userName.`,
  )
}

/** The connection was deleted after the request had been let in. */
export function connectionDeleted(): ScimError {
  return refusals.forbidden(
    'connection-deleted',
    'This connection has been deleted. Make another one and use its address and key.',
  )
}
