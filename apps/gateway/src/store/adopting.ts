import type { Statement, Transaction } from '#libs/postgres/index'
import { errors, ScimError } from '#libs/scim/index'
import { chooseAdopted, hasTrait, type Match, type Trait, traitsOf } from '../adoption.ts'
import { noEdit } from '../membership.ts'
import { adopt, adoptByOf, type Command, decide } from '../provisioning.ts'
import type { Guarding } from './guarding.ts'
import { adoptedNameTaken, type Job, userExists } from './job.ts'
import { lockRecords } from './lock-records.ts'
import { type Planned, type PlannedOrRefused, rowOf } from './planned.ts'
import { writeRecords } from './record-writes.ts'

type Create = Extract<Command, { kind: 'create' }>

/** Rounds in which somebody else may come, be renamed or go between a look and a lock. */
const mostRounds = 5

/**
 * Creates of users where a user that is there may be taken instead. Whom one is depends on what the writes before it left, so they
 * are written one after the other, after all that needs no look.
 */
export class Adopting {
  readonly #transaction: Transaction
  readonly #guarding: Guarding

  constructor(transaction: Transaction, guarding: Guarding) {
    this.#transaction = transaction
    this.#guarding = guarding
  }

  /**
   * Those of the jobs for which it seems that somebody is there. By userName alone there is no need to look: the insert itself
   * finds out.
   */
  async expected(jobs: readonly Job[]): Promise<Set<Job>> {
    const looking = jobs.flatMap((job) => {
      const { command } = job
      if (command.kind !== 'create' || adoptByOf(command).every((by) => by === 'userName')) return []
      try {
        return [{ job, traits: traitsOf(job.principal.connection, command.document, adoptByOf(command)) }]
      } catch (error) {
        // A value that cannot be looked up refuses the command when it is decided.
        if (error instanceof ScimError) return []
        throw error
      }
    })
    const found = await this.#look(looking)
    return new Set(looking.filter((_, index) => found.some((match) => match.wish === index)).map(({ job }) => job))
  }

  /** Takes the user that is there, or creates one. */
  async write(job: Job): Promise<PlannedOrRefused> {
    const { command, principal } = job
    if (command.kind !== 'create') throw new TypeError('only a create adopts')
    try {
      const traits = traitsOf(principal.connection, command.document, adoptByOf(command))
      for (let round = 0; round < mostRounds; round++) {
        const match = chooseAdopted(traits, await this.#look([{ job, traits }]))
        const trait = traits.find(({ by }) => by === match?.by)
        const written =
          match === undefined || trait === undefined
            ? await this.#create(job, command)
            : await this.#adopt(job, command, match, trait)
        if (written !== undefined) return written
      }
      return errors.unavailable(1)
    } catch (error) {
      if (error instanceof ScimError) return error
      throw error
    }
  }

  /** Undefined when somebody has the name now who can be adopted by it. */
  async #create(job: Job, command: Create): Promise<PlannedOrRefused | undefined> {
    const intent = decide(job.type, command, undefined, job.principal, job.occasion)
    const { accepted } = await writeRecords(this.#transaction, [
      { job, before: undefined, intent, edit: command.members },
    ])
    return accepted[0] ?? (adoptByOf(command).includes('userName') ? undefined : userExists(job))
  }

  /** Undefined when the user is gone meanwhile, or is not the one that was looked for any more. */
  async #adopt(job: Job, command: Create, { id, by }: Match, trait: Trait): Promise<PlannedOrRefused | undefined> {
    const { type, principal, occasion } = job
    const { connection } = principal
    const [locked] = await lockRecords(this.#transaction, 'User', [[connection], [id]])
    const before = locked?.[1]
    if (before === undefined || !hasTrait(connection, before.document, trait)) return undefined
    const intent = adopt(type, command, before, by, principal, occasion)
    rowOf(job, intent)
    const plan: Planned = { job, before, intent, edit: noEdit }
    const held = (await this.#guarding.refuse([plan])).get(job)
    if (held !== undefined) return held
    const { accepted } = await writeRecords(this.#transaction, [plan])
    return accepted[0] ?? adoptedNameTaken(by)
  }

  async #look(
    looking: readonly { readonly job: Job; readonly traits: readonly Trait[] }[],
  ): Promise<(Match & { readonly wish: number })[]> {
    const wishes = looking.flatMap(({ job, traits }, wish) =>
      traits.flatMap(({ by, keys }) => keys.map((key) => ({ wish, by, connection: job.principal.connection, key }))),
    )
    if (wishes.length === 0) return []
    return this.#transaction.query(findUsers, [JSON.stringify(wishes)])
  }
}

/** Two at the most for each value: more than one is too many. */
const findUsers: Statement = {
  name: 'gateway find users to adopt',
  text: `
    SELECT w.wish, w.by, found.id FROM jsonb_to_recordset($1::jsonb) AS w(wish int, by text, connection text, key text)
    CROSS JOIN LATERAL (
      (SELECT u.id FROM gateway.scim_user u WHERE w.by = 'userName' AND u.connection = w.connection AND u.user_name_key = w.key)
      UNION ALL
      (SELECT u.id FROM gateway.scim_user u WHERE w.by = 'externalId' AND u.connection = w.connection AND u.external_id = w.key LIMIT 2)
      UNION ALL
      (SELECT u.id FROM gateway.scim_user u WHERE w.by = 'emails' AND u.email_keys @> ARRAY[w.key] AND u.connection = w.connection LIMIT 2)
    ) AS found`,
}
