import type { Database } from '#libs/postgres/index'
import type { Keeping } from './trail.ts'

const day = 24 * 60 * 60 * 1000

/** The state of a connection without all but what the keys service told of it. */
const told = `json_build_object('connection', state::json -> 'connection')::text`

/**
 * Removes what is remembered of whom nothing was heard for the trail's retention, of addresses for a day, and detections that were last seen
 * before that; one that is muted stays for as long as it was told to be. What the keys service told of a connection holds until it is deleted, however long nobody uses it.
 */
export async function forgetOld(database: Database, { retention, clock }: Keeping): Promise<void> {
  const now = clock().getTime()
  const [longAgo, yesterday] = [new Date(now - retention), new Date(now - day)]
  await database.query(
    `DELETE FROM audit.watched
     WHERE (touched_at < $1 AND (kind <> 'connection' OR state::json ->> 'connection' IS NULL))
       OR (kind = 'address' AND touched_at < $2)`,
    [longAgo, yesterday],
  )
  await database.query(
    `UPDATE audit.watched SET state = ${told}, silent_from = NULL
     WHERE touched_at < $1 AND kind = 'connection' AND state <> ${told}`,
    [longAgo],
  )
  await database.query(
    `DELETE FROM audit.detection
     WHERE last_seen < $1 AND NOT (state = 'muted' AND (muted_until IS NULL OR muted_until > $2))`,
    [longAgo, new Date(now)],
  )
}
