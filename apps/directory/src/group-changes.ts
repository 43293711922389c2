import type { AnyEvent, Environment, GroupFacts } from '#libs/events/index'

export type GroupEvent = Extract<AnyEvent, { name: `group.${string}` }>

/** Where a batch of events leaves one group. */
export interface GroupChange {
  readonly connection: string
  readonly tenant: string
  readonly environment: Environment
  readonly id: string
  version: number
  /** The newest facts told; undefined when only members changed, null once deleted. */
  facts: GroupFacts | null | undefined
  /** Whether it was deleted, perhaps to be restored later: its members up to then are gone. */
  dissolved: boolean
  /** What to do about each member id; the kind when it is to be added. */
  readonly members: Map<string, { readonly add: true; readonly kind: string | undefined } | { readonly add: false }>
}

/** An event is missing between the version held and the one that arrived: applying it would lose members silently. */
export class VersionGap extends Error {
  override readonly name = 'gap'
}

export function groupKey(connection: string, id: string): string {
  return `${connection}/${id}`
}

export function groupIdOf(event: GroupEvent): string {
  return event.name === 'group.members-changed' || event.name === 'group.deleted'
    ? event.payload.groupId
    : event.payload.group.id
}

/**
 * Folds events into one change per group. `versions` holds the version that each known group has by now. An event of a
 * version that is held already changes nothing. Throws VersionGap when a version between was never seen; a deletion
 * needs nothing from before and passes.
 */
export function foldGroupEvents(events: readonly GroupEvent[], versions: ReadonlyMap<string, number>): GroupChange[] {
  const changes = new Map<string, GroupChange>()
  for (const event of events) {
    const { connection, tenant, environment } = event.payload
    const id = groupIdOf(event)
    const key = groupKey(connection, id)
    const held = changes.get(key)?.version ?? versions.get(key) ?? 0
    if (event.version <= held) continue
    if (event.version > held + 1 && event.name !== 'group.deleted') {
      throw new VersionGap(`${event.name} has version ${event.version} of a group whose version ${held} came last`)
    }
    const change = changes.get(key) ?? {
      connection,
      tenant,
      environment,
      id,
      version: 0,
      facts: undefined,
      dissolved: false,
      members: new Map(),
    }
    change.version = event.version
    apply(event, change)
    changes.set(key, change)
  }
  return [...changes.values()]
}

function apply(event: GroupEvent, change: GroupChange): void {
  switch (event.name) {
    case 'group.created':
    case 'group.changed':
    case 'group.restored':
      change.facts = event.payload.group
      break
    case 'group.members-changed':
      for (const id of event.payload.removed) change.members.set(id, { add: false })
      for (const member of event.payload.added) change.members.set(member.id, { add: true, kind: member.kind })
      break
    case 'group.deleted':
      change.facts = null
      change.dissolved = true
      change.members.clear()
  }
}
