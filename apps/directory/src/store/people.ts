import type { Statement, Transaction } from '#libs/postgres/index'
import type { PersonState } from '../person-states.ts'

const upsert: Statement = {
  name: 'directory people',
  text: `
    INSERT INTO directory.person AS held (connection, id, version, tenant, environment, user_name, facts)
    SELECT told.* FROM unnest($1::text[], $2::text[], $3::int[], $4::text[], $5::text[], $6::text[], $7::jsonb[])
      AS told (connection, id, version, tenant, environment, user_name, facts)
    WHERE NOT EXISTS (SELECT FROM directory.deleted_connection AS deleted WHERE deleted.connection = told.connection)
    ON CONFLICT (connection, id) DO UPDATE
      SET version = excluded.version, user_name = excluded.user_name, facts = excluded.facts
      WHERE held.version < excluded.version
    RETURNING held.connection, held.id, held.facts IS NULL AS departed`,
}

/** Departed people and groups are members of nothing. */
export const leaveGroups: Statement = {
  name: 'directory leave groups',
  text: `
    DELETE FROM directory.membership AS membership
    USING unnest($1::text[], $2::text[]) AS departed (connection, id)
    WHERE membership.connection = departed.connection AND membership.member_id = departed.id`,
}

/** Stores the states that are newer than what is held. Two statements at the most, however many people. */
export async function storePeople(transaction: Transaction, states: readonly PersonState[]): Promise<void> {
  const stored = await transaction.query<{ connection: string; id: string; departed: boolean }>(upsert, [
    states.map((state) => state.connection),
    states.map((state) => state.id),
    states.map((state) => state.version),
    states.map((state) => state.tenant),
    states.map((state) => state.environment),
    states.map((state) => state.person?.userName ?? null),
    states.map((state) => (state.person === null ? null : JSON.stringify(state.person))),
  ])
  const departed = stored.filter((row) => row.departed)
  if (departed.length === 0) return
  transaction.send(leaveGroups, [departed.map((row) => row.connection), departed.map((row) => row.id)])
}
