import { type AnyEvent, isId } from '#libs/events/index'
import type { EventLog } from '#libs/eventlog/index'
import type { Transaction } from '#libs/postgres/index'
import { type Filter, findAttribute, matcher, resolveElementFilter, ScimError } from '#libs/scim/index'
import { membersChanged } from '../lifecycle.ts'
import { checkClaim, foldMembership, type MembershipEdit, noEdit, type PresentMember } from '../membership.ts'
import { adoptByOf, decide } from '../provisioning.ts'
import type { ScimRecord } from '../record.ts'
import type { Written } from '../record-store.ts'
import { Adopting } from './adopting.ts'
import { Guarding } from './guarding.ts'
import { holdConnections } from './hold-connections.ts'
import { connectionDeleted, type Job, userExists, userNameTaken } from './job.ts'
import { lockKey, lockRecords } from './lock-records.ts'
import { type Delta, leaveGroups, writeMemberships } from './membership-writes.ts'
import { idsOf, type Planned, type PlannedOrRefused, rowOf } from './planned.ts'
import { writeRecords } from './record-writes.ts'
import * as statements from './statements.ts'

/**
 * One batch in one transaction: lock what it touches, decide each command, write records and memberships, then
 * append events and decisions. No two jobs of a batch are about the same record, but for those that come to adopt one: they follow
 * the others. What is refused leaves no trace here.
 */
export class BatchWrite {
  readonly #transaction: Transaction
  readonly #log: Pick<EventLog, 'append'>
  readonly #jobs: readonly Job[]
  readonly #guarding: Guarding
  readonly #outcomes = new Map<Job, Written | ScimError>()

  constructor(transaction: Transaction, log: Pick<EventLog, 'append'>, jobs: readonly Job[]) {
    this.#transaction = transaction
    this.#log = log
    this.#guarding = new Guarding(transaction)
    this.#jobs = [...jobs].sort((one, other) => (keyOf(one) < keyOf(other) ? -1 : 1))
  }

  /** An outcome for every job. */
  async run(): Promise<Map<Job, Written | ScimError>> {
    const checked = this.#checkConnections()
    // It is awaited below, in the same round trip as the records; a failure before that must not leave it unheard.
    checked.catch(() => undefined)
    const adopting = new Adopting(this.#transaction, this.#guarding)
    const [locked, later] = await Promise.all([this.#lock(), adopting.expected(this.#jobs)])
    const planned: Planned[] = []
    for (const job of this.#jobs) {
      if (!later.has(job)) this.#sort(job, await this.#plan(job, locked.get(keyOf(job))), planned)
    }
    const held = await this.#guarding.refuse(planned)
    for (const [job, error] of held) this.#outcomes.set(job, error)
    const passed = held.size === 0 ? planned : planned.filter(({ job }) => !held.has(job))
    const [{ accepted, refused }] = await Promise.all([writeRecords(this.#transaction, passed), checked])
    for (const { job } of refused) {
      if (job.command.kind !== 'create') this.#outcomes.set(job, userNameTaken())
      else if (adoptByOf(job.command).includes('userName')) later.add(job)
      else this.#outcomes.set(job, userExists(job))
    }
    for (const job of later) this.#sort(job, await adopting.write(job), accepted)
    await this.#finish(accepted)
    return this.#outcomes
  }

  #sort(job: Job, plan: PlannedOrRefused, planned: Planned[]): void {
    if (plan instanceof ScimError) this.#outcomes.set(job, plan)
    else planned.push(plan)
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
    const of = (name: string): [string[], string[]] => idsOf(existing.filter((job) => job.type.name === name))
    const deleted = existing.filter((job) => job.command.kind === 'delete')
    const [lockedUsers, left] = await Promise.all([
      lockRecords(this.#transaction, 'User', of('User')),
      deleted.length === 0
        ? []
        : this.#transaction.query<{ connection: string; id: string }>(statements.groupsLeft, idsOf(deleted)),
    ])
    const [connections, ids] = of('Group')
    const lockedGroups = await lockRecords(this.#transaction, 'Group', [
      [...connections, ...left.map((group) => group.connection)],
      [...ids, ...left.map((group) => group.id)],
    ])
    return new Map([...lockedUsers, ...lockedGroups])
  }

  async #plan(job: Job, before: ScimRecord | undefined): Promise<PlannedOrRefused> {
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
    const needsMembers = command.membership.some(({ kind }) => kind === 'removeMatching' || kind === 'claim')
    const present = needsMembers
      ? await this.#transaction.query<PresentMember>(
          'SELECT member_id AS value, kind AS type FROM gateway.membership WHERE connection = $1 AND group_id = $2',
          [principal.connection, command.id],
        )
      : []
    const members = findAttribute(type, 'members')
    const selected = (filter: Filter | undefined): readonly PresentMember[] => {
      if (filter === undefined || members === undefined) return present
      const selects = matcher(resolveElementFilter(members, filter))
      return present.filter((member) => selects({ value: member.value, type: member.type }))
    }
    for (const change of command.membership) {
      if (change.kind === 'claim') for (const member of selected(change.filter)) checkClaim(change, member)
    }
    return foldMembership(command.membership, ({ filter }) => selected(filter).map((member) => member.value))
  }

  async #finish(planned: readonly Planned[]): Promise<void> {
    const deltas = await writeMemberships(this.#transaction, planned)
    const told = new Map(planned.map((plan) => [plan, eventsOf(plan, deltas.get(plan.intent.id))]))
    const changedGroups = [...told].filter(([{ job, intent }, { events }]) => {
      return (
        job.type.name === 'Group' && intent.write !== 'delete' && events.length > (intent.write === 'insert' ? 1 : 0)
      )
    })
    if (changedGroups.length > 0) {
      const rows = changedGroups.map(([{ job, intent }, { version }]) => rowOf(job, { ...intent, version }))
      this.#transaction.send(statements.updateGroups, [JSON.stringify(rows)])
    }
    const leaving = await leaveGroups(this.#transaction, planned)
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
    this.#log.append(this.#transaction, [...events, ...this.#guarding.events, ...decisions])
  }
}

/** The record's own events, its memberships' included, and the version they come to. */
function eventsOf(
  { job, intent }: Planned,
  delta: Delta = { added: [], removed: [] },
): { events: AnyEvent[]; version: number; changed: string[] } {
  const { principal, occasion, type } = job
  if (type.name !== 'Group' || intent.write === 'delete') {
    return { events: [...intent.events], version: intent.version, changed: [...intent.changed] }
  }
  const { added, removed } = delta
  const told = membersChanged(principal, occasion, intent.id, intent.version, added, removed)
  return {
    events: [...intent.events, ...told],
    version: intent.version + told.length,
    changed: told.length > 0 ? [...intent.changed, 'members'] : [...intent.changed],
  }
}

function keyOf({ principal, type, command }: Job): string {
  return lockKey(principal.connection, type.name, command.id)
}
