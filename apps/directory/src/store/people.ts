import { type Statement, textArray, type Transaction } from '#libs/postgres/index'
import type { PersonState } from '../person-states.ts'

const upsert: Statement = {
  name: 'directory people',
  text: `
    INSERT INTO directory.person AS held (connection, id, version, tenant, environment, user_name, facts)
    SELECT told.connection, told.id, told.version, told.tenant, told.environment, told.user_name, told.facts::jsonb
    FROM unnest((SELECT $1::text[]), (SELECT $2::text[]), (SELECT $3::int[]), (SELECT $4::text[]), (SELECT $5::text[]), (SELECT $6::text[]), (SELECT $7::text[]))
      AS told (connection, id, version, tenant, environment, user_name, facts)
    WHERE NOT EXISTS (SELECT FROM directory.deleted_connection AS deleted WHERE deleted.connection = told.connection)
    ON CONFLICT (connection, id) DO UPDATE
      SET version = excluded.version, user_name = excluded.user_name, facts = excluded.facts
      WHERE held.version < excluded.version`,
}

/**
 * Stores the states that are newer than what is held, in one statement, however many people. Memberships are left alone: what
 * tells of them is the groups' own events, and those of a person may arrive before or after.
 */
export function storePeople(transaction: Transaction, states: readonly PersonState[]): void {
  transaction.send(upsert, [
    textArray(states.map((state) => state.connection)),
    textArray(states.map((state) => state.id)),
    states.map((state) => state.version),
    textArray(states.map((state) => state.tenant)),
    textArray(states.map((state) => state.environment)),
    textArray(states.map((state) => state.person?.userName ?? null)),
    textArray(states.map((state) => (state.person === null ? null : JSON.stringify(state.person)))),
  ])
}
