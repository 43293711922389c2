import type { AnyEvent } from '#libs/events/index'
import type { EventLog } from '#libs/eventlog/index'
import type { Transaction } from '#libs/postgres/index'
import { matcher, resolveElementFilter, findAttribute, ScimError, storedResource } from '#libs/scim/index'
import { membersChanged } from '../lifecycle.ts'
import { foldMembership, isNoEdit, type MembershipEdit, noEdit } from '../membership.ts'
import { decide, type Intent } from '../provisioning.ts'
import { isId, type Member, type ScimRecord } from '../record.ts'
import * as deletes from './delete-statements.ts'
import { holdConnections } from './hold-connections.ts'
import { recordRow } from './record-row.ts'
import * as statements from './statements.ts'
import type { Written } from '../record-store.ts'
import { connectionDeleted, type Job, userNameTaken } from './job.ts'

/** A job on its way through the batch: decided, but not yet written. */
interface Planned {
  readonly job: Job
  readonly before: ScimRecord | undefined
  readonly intent: Intent
  readonly edit: MembershipEdit
}

type LockedRow = {
  connection: string
  id: string
  version: number
  created: Date
  lastModified: Date
  document: string
}
type MemberRow = { groupId: string; value: string }

/**
 * One batch in one transaction: lock what it touches, decide each command, write records and memberships, then
 * append events and decisions. No two jobs of a batch are about the same record. What is refused leaves no trace here.
 */
export class BatchWrite {
  readonly #transaction: Transaction
  readonly #log: Pick<EventLog, 'append'>
  readonly #jobs: readonly Job[]
  readonly #outcomes = new Map<Job, Written | ScimError>()
  readonly #added = new Map<string, Member[]>()
  readonly #removed = new Map<string, string[]>()

  constructor(transaction: Transaction, log: Pick<EventLog, 'append'>, jobs: readonly Job[]) {
    this.#transaction = transaction
    this.#log = log
    this.#jobs = [...jobs].sort((one, other) => (keyOf(one) < keyOf(other) ? -1 : 1))
  }

  /** An outcome for every job. */
  async run(): Promise<Map<Job, Written | ScimError>> {
    const checked = this.#checkConnections()
    // It is awaited below, in the same round trip as the records; a failure before that must not leave it unheard.
    checked.catch(() => undefined)
    const locked = await this.#lock()
    const planned: Planned[] = []
    for (const job of this.#jobs) {
      const plan = await this.#plan(job, locked.get(keyOf(job)))
      if (plan instanceof ScimError) this.#outcomes.set(job, plan)
      else planned.push(plan)
    }
    const [written] = await Promise.all([this.#writeRecords(planned), checked])
    await this.#writeMemberships(written)
    await this.#finish(written)
    return this.#outcomes
  }

  async #checkConnections(): Promise<void> {
    const connections = [...new Set(this.#jobs.map((job) => job.principal.connection))].sort()
    if (!(await holdConnections(this.#transaction, connections))) throw connectionDeleted()
  }

  /**
   * Locks in one order everywhere, users before groups: the groups that what is deleted will leave are locked here too,
   * before any membership is touched.
   */
  async #lock(): Promise<Map<string, ScimRecord>> {
    const existing = this.#jobs.filter((job) => job.command.kind !== 'create' && isId(job.command.id))
    const [users, groups] = (['User', 'Group'] as const).map((name) =>
      idsOf(existing.filter((job) => job.type.name === name)),
    )
    const deleted = existing.filter((job) => job.command.kind === 'delete')
    const [lockedUsers, left] = await Promise.all([
      this.#lockAll('User', users),
      deleted.length === 0
        ? []
        : this.#transaction.query<{ connection: string; id: string }>(statements.groupsLeft, idsOf(deleted)),
    ])
    const lockedGroups = await this.#lockAll('Group', [
      [...(groups?.[0] ?? []), ...left.map((group) => group.connection)],
      [...(groups?.[1] ?? []), ...left.map((group) => group.id)],
    ])
    return new Map([...lockedUsers, ...lockedGroups])
  }

  async #lockAll(name: 'User' | 'Group', ids: readonly string[][] = []): Promise<[string, ScimRecord][]> {
    if (ids[0] === undefined || ids[0].length === 0) return []
    const statement = name === 'User' ? statements.lockUsers : statements.lockGroups
    const found = await this.#transaction.query<LockedRow>(statement, ids)
    return found.map((row) => [
      `${row.connection} ${name} ${row.id}`,
      { ...row, document: storedResource(row.document) },
    ])
  }

  async #plan(job: Job, before: ScimRecord | undefined): Promise<Planned | ScimError> {
    try {
      const intent = decide(job.type, job.command, before, job.principal, job.occasion)
      const edit = await this.#editOf(job)
      // Keys are computed here too, so that a name too long to be indexed refuses this command alone.
      if (intent.write !== 'delete' && intent.write !== 'none') rowOf(job, intent)
      return { job, before, intent, edit }
    } catch (error) {
      if (error instanceof ScimError) return error
      throw error
    }
  }

  async #editOf({ command, principal, type }: Job): Promise<MembershipEdit> {
    if (command.kind === 'create' || command.kind === 'replace') return command.members
    if (command.kind === 'delete' || command.membership.length === 0) return noEdit
    const needsMembers = command.membership.some((change) => change.kind === 'removeMatching')
    const present = needsMembers
      ? await this.#transaction.query<{ value: string; type: string | null }>(
          'SELECT member_id AS value, kind AS type FROM gateway.membership WHERE connection = $1 AND group_id = $2',
          [principal.connection, command.id],
        )
      : []
    const members = findAttribute(type, 'members')
    return foldMembership(command.membership, ({ filter }) => {
      if (members === undefined) return []
      const selects = matcher(resolveElementFilter(members, filter))
      return present
        .filter((member) => selects({ value: member.value, type: member.type }))
        .map((member) => member.value)
    })
  }

  /** Inserts, updates and deletes of all records in one round trip; what a taken name refused is left out of the answer. */
  async #writeRecords(planned: readonly Planned[]): Promise<Planned[]> {
    const of = (type: 'User' | 'Group', write: Intent['write']): Planned[] =>
      planned.filter((plan) => plan.job.type.name === type && plan.intent.write === write)
    const rows = (plans: readonly Planned[]): [string] => [
      JSON.stringify(plans.map(({ job, intent, before }) => rowOf(job, intent, before))),
    ]
    const named = (['insert', 'update'] as const).map(async (write) => {
      const users = of('User', write)
      if (users.length === 0) return []
      const statement = write === 'insert' ? statements.insertUsers : statements.updateUsers
      return this.#transaction.query<{ id: string }>(statement, rows(users))
    })
    if (of('Group', 'insert').length > 0) this.#transaction.send(statements.insertGroups, rows(of('Group', 'insert')))
    for (const [type, statement] of [
      ['User', deletes.deleteUsers],
      ['Group', deletes.deleteGroups],
    ] as const) {
      const gone = of(type, 'delete')
      if (gone.length === 0) continue
      const ids = idsOf(gone.map(({ job }) => job))
      const [versions, times] = [gone.map(({ intent }) => intent.version), gone.map(({ job }) => job.occasion.time)]
      this.#transaction.send(statement, [...ids, versions, times])
      if (type === 'Group') this.#transaction.send(deletes.deleteMembersOfGroups, ids)
    }
    const accepted = new Set((await Promise.all(named)).flat().map((row) => row.id))
    return planned.filter((plan) => {
      const { job, intent } = plan
      const refused =
        job.type.name === 'User' && ['insert', 'update'].includes(intent.write) && !accepted.has(intent.id)
      if (refused) this.#outcomes.set(plan.job, userNameTaken())
      return !refused
    })
  }

  async #writeMemberships(planned: readonly Planned[]): Promise<void> {
    const edits = planned.filter(({ edit }) => !isNoEdit(edit))
    if (edits.length === 0) return
    const removals = edits
      .filter(({ edit, intent }) => edit.clear && intent.write !== 'insert')
      .map(({ job, edit }) =>
        this.#transaction.query<MemberRow>(statements.deleteOtherMembers, [
          job.principal.connection,
          job.command.id,
          [...edit.add],
        ]),
      )
    const remove = edits.flatMap(({ job, edit }) =>
      [...edit.remove].map((member) => [job.principal.connection, job.command.id, member] as const),
    )
    if (remove.length > 0)
      removals.push(this.#transaction.query<MemberRow>(statements.deleteMembers, columns(remove, 3)))
    const add = edits.flatMap(({ job, edit }) =>
      [...edit.add]
        .sort()
        .map((member) => [job.principal.connection, job.command.id, member, isId(member) ? member : null] as const),
    )
    const added =
      add.length === 0
        ? Promise.resolve([])
        : this.#transaction.query<MemberRow & { kind: Member['kind'] }>(statements.insertMembers, columns(add, 4))
    // Awaited together: when one fails the others do, and none may fail unheard.
    const [removedRows, addedRows] = await Promise.all([Promise.all(removals), added])
    for (const { groupId, value } of removedRows.flat()) gather(this.#removed, groupId, value)
    for (const { groupId, value, kind } of addedRows) gather(this.#added, groupId, { value, kind })
  }

  async #finish(planned: readonly Planned[]): Promise<void> {
    const told = new Map(planned.map((plan) => [plan, this.#events(plan)]))
    const changedGroups = [...told].filter(([{ job, intent }, { events }]) => {
      return (
        job.type.name === 'Group' && intent.write !== 'delete' && events.length > (intent.write === 'insert' ? 1 : 0)
      )
    })
    if (changedGroups.length > 0) {
      const rows = changedGroups.map(([{ job, intent }, { version }]) => rowOf(job, { ...intent, version }))
      this.#transaction.send(statements.updateGroups, [JSON.stringify(rows)])
    }
    const leaving = await this.#leave(planned)
    const events: AnyEvent[] = []
    const decisions: AnyEvent[] = []
    for (const [{ job, before, intent }, { events: own, version, changed }] of told) {
      const left = leaving.get(job) ?? []
      const written: Written = {
        ...intent,
        before: before?.document,
        version,
        changed,
        events: [...own, ...left],
        created: before?.created ?? job.occasion.time,
        lastModified: before !== undefined && own.length === 0 ? before.lastModified : job.occasion.time,
      }
      this.#outcomes.set(job, written)
      events.push(...own)
      decisions.push(...left, job.decided(written))
    }
    this.#log.append(this.#transaction, [...events, ...decisions])
  }

  /** The record's own events, its memberships' included, and the version they come to. */
  #events({ job, intent }: Planned): { events: AnyEvent[]; version: number; changed: string[] } {
    const { principal, occasion, type } = job
    if (type.name !== 'Group' || intent.write === 'delete') {
      return { events: [...intent.events], version: intent.version, changed: [...intent.changed] }
    }
    const added = this.#added.get(intent.id) ?? []
    const removed = this.#removed.get(intent.id) ?? []
    const delta = membersChanged(principal, occasion, intent.id, intent.version, added, removed)
    return {
      events: [...intent.events, ...delta],
      version: intent.version + delta.length,
      changed: delta.length > 0 ? [...intent.changed, 'members'] : [...intent.changed],
    }
  }

  /** What was deleted leaves the groups it was in: they get a new version and an event each. */
  async #leave(planned: readonly Planned[]): Promise<Map<Job, AnyEvent[]>> {
    const told = new Map<Job, AnyEvent[]>()
    const gone = planned.filter(({ intent }) => intent.write === 'delete').map(({ job }) => job)
    if (gone.length === 0) return told
    const left = await this.#transaction.query<MemberRow & { connection: string }>(deletes.leaveGroups, idsOf(gone))
    for (const job of gone) {
      const groups = left
        .filter((row) => row.connection === job.principal.connection && row.value === job.command.id)
        .map((row) => row.groupId)
        .sort()
      if (groups.length === 0) continue
      const bumped = await this.#transaction.query<{ id: string; before: number }>(statements.bumpGroups, [
        groups.map(() => job.principal.connection),
        groups,
        groups.map(() => 1),
        job.occasion.time,
      ])
      told.set(
        job,
        bumped.flatMap(({ id, before }) =>
          membersChanged(job.principal, job.occasion, id, before, [], [job.command.id]),
        ),
      )
    }
    return told
  }
}

function keyOf({ principal, type, command }: Job): string {
  return `${principal.connection} ${type.name} ${command.id}`
}

function idsOf(jobs: readonly Job[]): [string[], string[]] {
  return [jobs.map((job) => job.principal.connection), jobs.map((job) => job.command.id)]
}

function rowOf(
  { principal, type, occasion }: Job,
  record: Pick<Intent, 'id' | 'version' | 'document'>,
  before?: ScimRecord,
): object {
  return recordRow(type.name, principal.connection, record, occasion.time, before?.document)
}

function columns(rows: readonly (readonly unknown[])[], width: number): unknown[][] {
  return Array.from({ length: width }, (_, column) => rows.map((row) => row[column]))
}

function gather<T>(held: Map<string, T[]>, key: string, value: T): void {
  const list = held.get(key)
  if (list === undefined) held.set(key, [value])
  else list.push(value)
}
