import type { Database } from '#libs/postgres/index'
import type { Keeping } from './trail.ts'

const day = 24 * 60 * 60 * 1000

/**
 * Removes what is remembered of whom nothing was heard for the trail's retention, of addresses for a day, and detections that were last seen
 * before that; one that is muted for good stays so.
 */
export async function forgetOld(database: Database, { retention, clock }: Keeping): Promise<void> {
  const now = clock().getTime()
  const [longAgo, yesterday] = [new Date(now - retention), new Date(now - day)]
  await database.query(`DELETE FROM audit.watched WHERE touched_at < $1 OR (kind = 'address' AND touched_at < $2)`, [
    longAgo,
    yesterday,
  ])
  await database.query(
    `DELETE FROM audit.detection WHERE last_seen < $1 AND NOT (state = 'muted' AND muted_until IS NULL)`,
    [longAgo],
  )
}
