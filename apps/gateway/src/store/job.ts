import { errors, ScimError } from '#libs/scim/index'
import { adoptByOf } from '../provisioning.ts'
import type { WriteRequest, Written } from '../record-store.ts'
import type { Queued } from './batches.ts'

export interface Job extends WriteRequest, Queued {
  settle(outcome: Written | ScimError): void
}

const taken =
  'Another user of this connection has this userName (letter case does not count). Look that user up with a filter on userName and update it, or send another userName.'

export function userNameTaken(): ScimError {
  return errors.uniqueness(taken)
}

/** A user that was to be created is there already. */
export function userExists({ principal, command }: Job): ScimError {
  const adoptBy = adoptByOf(command)
  const set = `latchkey connections set ${principal.connection}`
  const wish = 'To have such a request take over the user that is there'
  return errors.uniqueness(
    adoptBy.length === 0
      ? `${taken} ${wish}, let the connection adopt users: ${set} --conflicts adopt`
      : `${taken} ${wish}, let the connection adopt users by their userName too: ${set} --adopt-by ${[...adoptBy, 'userName'].join()}`,
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
  return errors.forbidden(
    'connection-deleted',
    'This connection has been deleted. Make another one and use its address and key.',
  )
}
