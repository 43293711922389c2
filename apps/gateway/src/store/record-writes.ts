import type { Transaction } from '#libs/postgres/index'
import type { Intent } from '../provisioning.ts'
import * as deletes from './delete-statements.ts'
import { idsOf, type Planned, rowOf } from './planned.ts'
import * as statements from './statements.ts'

/** Inserts, updates and deletes of all records in one round trip; a user whose name is taken is refused and leaves nothing. */
export async function writeRecords(
  transaction: Transaction,
  planned: readonly Planned[],
): Promise<{ accepted: Planned[]; refused: Planned[] }> {
  const of = (type: 'User' | 'Group', write: Intent['write']): Planned[] =>
    planned.filter((plan) => plan.job.type.name === type && plan.intent.write === write)
  const rows = (plans: readonly Planned[]): [string] => [
    JSON.stringify(plans.map(({ job, intent, before }) => rowOf(job, intent, before))),
  ]
  const named = (['insert', 'update'] as const).map(async (write) => {
    const users = of('User', write)
    if (users.length === 0) return []
    const statement = write === 'insert' ? statements.insertUsers : statements.updateUsers
    return transaction.query<{ id: string }>(statement, rows(users))
  })
  if (of('Group', 'insert').length > 0) transaction.send(statements.insertGroups, rows(of('Group', 'insert')))
  for (const [type, statement] of [
    ['User', deletes.deleteUsers],
    ['Group', deletes.deleteGroups],
  ] as const) {
    const gone = of(type, 'delete')
    if (gone.length === 0) continue
    const ids = idsOf(gone.map(({ job }) => job))
    const [versions, times] = [gone.map(({ intent }) => intent.version), gone.map(({ job }) => job.occasion.time)]
    transaction.send(statement, [...ids, versions, times])
    if (type === 'Group') transaction.send(deletes.deleteMembersOfGroups, ids)
  }
  const written = new Set((await Promise.all(named)).flat().map((row) => row.id))
  const isRefused = ({ job, intent }: Planned): boolean =>
    job.type.name === 'User' && ['insert', 'update'].includes(intent.write) && !written.has(intent.id)
  return {
    accepted: planned.filter((plan) => !isRefused(plan)),
    refused: planned.filter(isRefused),
  }
}
