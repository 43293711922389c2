import type { EntityManager } from 'typeorm'

/** Waits until no other transaction does the same, in any instance; nobody else does until this one ends. */
export async function alone(manager: EntityManager, what: string): Promise<void> {
  await manager.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`keys ${what}`])
}
