import {
  type AnyEvent,
  type GroupFacts,
  makeEvent,
  type MemberReference,
  type Payload,
  type Person,
  valueDigest,
} from '#libs/events/index'
import type { Difference, Resource } from '#libs/scim/index'
import { groupFacts, personOf } from './person.ts'
import type { Scope } from './principal.ts'
import type { Member, ScimRecord } from './record.ts'

/** When and in which trace something happened. */
export interface Occasion {
  readonly time: Date
  readonly traceparent: string | undefined
}

type Deleted = Pick<ScimRecord, 'id' | 'version' | 'document'>

/** Deltas larger than this are told in several events. */
const largestDelta = 1_000

/** The events of a new user; its version is their number. */
export function userProvisioned(scope: Scope, occasion: Occasion, id: string, document: Resource): AnyEvent[] {
  return [
    makeEvent('user.provisioned', origin(scope, occasion, id, 1), { ...facts(scope), person: personOf(id, document) }),
  ]
}

/**
 * What two states of a user tell followers: nothing when no attribute changed. Versions go on from `before`. `secrets` names attributes of
 * which something is never returned.
 */
export function userChanged(
  scope: Scope,
  occasion: Occasion,
  before: ScimRecord,
  after: Resource,
  differences: readonly Difference[],
  secrets: ReadonlySet<string>,
): AnyEvent[] {
  if (differences.length === 0) return []
  const events: AnyEvent[] = []
  const person = personOf(before.id, after)
  const payload: { tenant: string; connection: string; environment: Scope['environment']; person: Person } = {
    ...facts(scope),
    person,
  }
  const next = (): ReturnType<typeof origin> => origin(scope, occasion, before.id, before.version + events.length + 1)
  const wasActive = before.document['active'] !== false
  const told = wasActive === person.active ? [] : differences.filter(({ attribute }) => attribute === 'active')
  const besides = differences.filter((difference) => !told.includes(difference))
  if (besides.length > 0)
    events.push(makeEvent('user.changed', next(), { ...payload, ...whatChanged(before.id, besides, secrets) }))
  if (told.length > 0) {
    const name = person.active ? 'user.reactivated' : 'user.deactivated'
    events.push(makeEvent(name, next(), { ...payload, changes: digestsOf(before.id, told) }))
  }
  return events
}

/** The event of a deleted user, whose version follows that of the record; it names the person by id alone. */
export function userDeprovisioned(scope: Scope, occasion: Occasion, before: ScimRecord): AnyEvent[] {
  return [
    makeEvent('user.deprovisioned', origin(scope, occasion, before.id, before.version + 1), {
      ...facts(scope),
      personId: before.id,
    }),
  ]
}

/** `deleted` is the record as its deletion left it. */
export function userRestored(scope: Scope, occasion: Occasion, deleted: Deleted): AnyEvent {
  return makeEvent('user.restored', origin(scope, occasion, deleted.id, deleted.version + 1), {
    ...facts(scope),
    person: personOf(deleted.id, deleted.document),
  })
}

/** The events of a new group, without its members; its version is their number. */
export function groupCreated(scope: Scope, occasion: Occasion, id: string, document: Resource): AnyEvent[] {
  return [
    makeEvent('group.created', origin(scope, occasion, id, 1), { ...facts(scope), group: groupFacts(id, document) }),
  ]
}

export function groupChanged(
  scope: Scope,
  occasion: Occasion,
  before: ScimRecord,
  after: Resource,
  differences: readonly Difference[],
  secrets: ReadonlySet<string>,
): AnyEvent[] {
  if (differences.length === 0) return []
  const group: GroupFacts = groupFacts(before.id, after)
  return [
    makeEvent('group.changed', origin(scope, occasion, before.id, before.version + 1), {
      ...facts(scope),
      group,
      ...whatChanged(before.id, differences, secrets),
    }),
  ]
}

/** `version` is the group's version before the delta. */
export function membersChanged(
  scope: Scope,
  occasion: Occasion,
  groupId: string,
  version: number,
  added: readonly Member[],
  removed: readonly string[],
): AnyEvent[] {
  const events: AnyEvent[] = []
  const additions: MemberReference[] = added.map(({ value, kind }) => ({
    id: value,
    ...(kind === null ? {} : { kind: kind === 'User' ? ('user' as const) : ('group' as const) }),
  }))
  for (let from = 0; from < Math.max(additions.length, removed.length); from += largestDelta) {
    events.push(
      makeEvent('group.members-changed', origin(scope, occasion, groupId, version + events.length + 1), {
        ...facts(scope),
        groupId,
        added: additions.slice(from, from + largestDelta),
        removed: removed.slice(from, from + largestDelta),
      }),
    )
  }
  return events
}

/** The event of a deleted group, whose version follows that of the record; who was in it is not told again. */
export function groupDeleted(scope: Scope, occasion: Occasion, before: ScimRecord): AnyEvent[] {
  return [
    makeEvent('group.deleted', origin(scope, occasion, before.id, before.version + 1), {
      ...facts(scope),
      groupId: before.id,
    }),
  ]
}

export function groupRestored(scope: Scope, occasion: Occasion, deleted: Deleted): AnyEvent {
  return makeEvent('group.restored', origin(scope, occasion, deleted.id, deleted.version + 1), {
    ...facts(scope),
    group: groupFacts(deleted.id, deleted.document),
  })
}

/** Of secrets no digest is told: it would hide nothing from who can guess the value. */
function whatChanged(
  id: string,
  differences: readonly Difference[],
  secrets: ReadonlySet<string>,
): Pick<Payload<'user.changed'>, 'changed' | 'changes'> {
  return {
    changed: differences.map(({ attribute }) => attribute),
    changes: digestsOf(
      id,
      differences.filter(({ attribute }) => !secrets.has(attribute)),
    ),
  }
}

function digestsOf(id: string, differences: readonly Difference[]): NonNullable<Payload<'user.changed'>['changes']> {
  const digest = (attribute: string, value: Difference['before']): string | null =>
    value === undefined ? null : valueDigest(id, attribute, value)
  return differences.map(({ attribute, before, after }) => ({
    attribute,
    before: digest(attribute, before),
    after: digest(attribute, after),
  }))
}

function facts({ tenant, connection, environment }: Scope): Scope {
  return { tenant, connection, environment }
}

function origin(scope: Scope, { time, traceparent }: Occasion, subject: string, version: number) {
  return { source: 'gateway' as const, subject, owner: scope.connection, version, time, traceparent }
}
