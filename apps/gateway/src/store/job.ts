import type { AnyEvent } from '#libs/events/index'
import { errors, type ResourceType, ScimError } from '#libs/scim/index'
import type { Occasion } from '../lifecycle.ts'
import type { Principal } from '../principal.ts'
import type { Command, Intent } from '../provisioning.ts'
import type { Queued } from './batches.ts'

/** One command of one request, on its way into the store. */
export interface WriteRequest {
  readonly type: ResourceType
  readonly command: Command
  readonly principal: Principal
  readonly occasion: Occasion
  /** The request's own `request.decided`, appended in the same transaction as what it wrote. */
  decided(written: Written): AnyEvent
}

/** What was written; durable once `Writer.write` resolves with it. */
export interface Written extends Intent {
  readonly created: Date
  readonly lastModified: Date
}

export interface Job extends WriteRequest, Queued {
  settle(outcome: Written | ScimError): void
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
