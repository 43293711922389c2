import type { AnyEvent } from '#libs/events/index'
import {
  applyPatch,
  changedAttributes,
  deviations,
  type Diagnosis,
  type Difference,
  differences,
  errors,
  keepImmutable,
  type MembershipChange,
  namesVersion,
  type PatchOperation,
  type Resource,
  renderVersion,
  type ResourceType,
} from '#libs/scim/index'
import {
  groupChanged,
  groupCreated,
  groupDeleted,
  type Occasion,
  userChanged,
  userDeprovisioned,
  userProvisioned,
} from './lifecycle.ts'
import type { AdoptBy } from './adoption.ts'
import { type MembershipEdit } from './membership.ts'
import type { Principal } from './principal.ts'
import type { ScimRecord } from './record.ts'

/** Headers of RFC 9110 section 13.1: the first must name the record's version (RFC 7644 section 3.14), and the second must not. */
export type Precondition =
  | { readonly ifMatch?: string | undefined; readonly ifNoneMatch?: string | undefined }
  | undefined

/** What an identity provider asks to be done to one user or group. */
export type Command =
  | {
      readonly kind: 'create'
      readonly id: string
      readonly document: Resource
      readonly members: MembershipEdit
      /** By what a user that is there is taken for the one to be created; absent or empty where that is refused. */
      readonly adoptBy?: AdoptBy
      /** Where it is told that somebody was taken. */
      readonly diagnosis?: Diagnosis
    }
  | {
      readonly kind: 'replace'
      readonly id: string
      readonly document: Resource
      readonly members: MembershipEdit
      readonly precondition: Precondition
    }
  | {
      readonly kind: 'patch'
      readonly id: string
      readonly operations: readonly PatchOperation[]
      readonly membership: readonly MembershipChange[]
      /** Whose dialect the operations are applied in, and where it is told what they deviate in. */
      readonly diagnosis: Diagnosis
      readonly precondition: Precondition
    }
  | { readonly kind: 'delete'; readonly id: string; readonly precondition: Precondition }

/** By what somebody may be adopted; empty where nobody is. */
export function adoptByOf(command: Command): AdoptBy {
  return command.kind === 'create' ? (command.adoptBy ?? []) : []
}

/** What a command comes to, before uniqueness and memberships have had their say. */
export interface Intent {
  readonly write: 'insert' | 'update' | 'delete' | 'none'
  readonly id: string
  readonly document: Resource
  readonly version: number
  readonly changed: readonly string[]
  readonly events: readonly AnyEvent[]
}

/**
 * Decides one command against the record as it is, touching nothing. Throws a ScimError: notFound, preconditionFailed, or
 * whatever the patch deserves.
 */
export function decide(
  type: ResourceType,
  command: Command,
  before: ScimRecord | undefined,
  principal: Principal,
  occasion: Occasion,
): Intent {
  if (command.kind === 'create') {
    command.diagnosis?.attempt()
    const document = withActive(type, command.document, undefined)
    const created = type.name === 'User' ? userProvisioned : groupCreated
    const events = created(principal, occasion, command.id, document)
    return {
      write: 'insert',
      id: command.id,
      document,
      version: events.length,
      changed: changedAttributes({ schemas: [] }, document),
      events,
    }
  }
  if (before === undefined) throw errors.notFound(type.name, command.id)
  checkPrecondition(command.precondition, before)
  if (command.kind === 'delete') {
    const deleted = type.name === 'User' ? userDeprovisioned : groupDeleted
    const events = deleted(principal, occasion, before)
    return {
      write: 'delete',
      id: before.id,
      document: before.document,
      version: before.version + events.length,
      changed: [],
      events,
    }
  }
  const after = command.kind === 'patch' ? patched(type, command, before) : replaced(type, command, before)
  return changeTo(type, before, after, principal, occasion)
}

function checkPrecondition({ ifMatch, ifNoneMatch }: NonNullable<Precondition> = {}, { version }: ScimRecord): void {
  const present = renderVersion(version)
  if (ifMatch !== undefined && !namesVersion(ifMatch, present)) throw errors.preconditionFailed('If-Match')
  if (ifNoneMatch !== undefined && namesVersion(ifNoneMatch, present)) throw errors.preconditionFailed('If-None-Match')
}

/**
 * Decides a create for which a user that is there is taken: what the command names is replaced as by a PATCH without a path, and
 * nothing else is touched. Throws `mutability` where that would change what is immutable.
 */
export function adopt(
  type: ResourceType,
  command: Extract<Command, { kind: 'create' }>,
  before: ScimRecord,
  by: AdoptBy[number],
  principal: Principal,
  occasion: Occasion,
): Intent {
  const { schemas: _, ...named } = command.document
  const operations: PatchOperation[] = [{ op: 'replace', value: named, pointer: '' }]
  const { resource: document, changes } = applyPatch(type, before.document, operations)
  command.diagnosis?.attempt().push(deviations.adopted(`${command.diagnosis.place}/${by}`))
  return changeTo(type, before, { document, changes }, principal, occasion)
}

function changeTo(
  type: ResourceType,
  before: ScimRecord,
  { document, changes }: After,
  principal: Principal,
  occasion: Occasion,
): Intent {
  const told = type.name === 'User' ? userChanged : groupChanged
  const events = told(principal, occasion, before, document, changes, type.secrets)
  return {
    write: events.length > 0 ? 'update' : 'none',
    id: before.id,
    document,
    version: before.version + events.length,
    changed: changes.map(({ attribute }) => attribute),
    events,
  }
}

interface After {
  readonly document: Resource
  readonly changes: readonly Difference[]
}

function patched(type: ResourceType, command: Extract<Command, { kind: 'patch' }>, before: ScimRecord): After {
  const { operations, diagnosis } = command
  const { resource: document, changes } = applyPatch(type, before.document, operations, diagnosis.attempt())
  return { document, changes }
}

function replaced(type: ResourceType, command: Extract<Command, { kind: 'replace' }>, before: ScimRecord): After {
  const document = withActive(type, keepImmutable(type, before.document, command.document), before.document)
  return { document, changes: differences(before.document, document) }
}

/**
 * A user that is created is active unless told otherwise. A PUT that leaves `active` out asserts nothing about it (RFC 7644 section
 * 3.5.1), so it does not bring a deactivated user back. A user of whom it was removed is active, and says nothing of it.
 */
function withActive(type: ResourceType, document: Resource, before: Resource | undefined): Resource {
  if (type.name !== 'User' || document['active'] !== undefined) return document
  const active = before === undefined ? true : before['active']
  return active === undefined ? document : { ...document, active }
}
