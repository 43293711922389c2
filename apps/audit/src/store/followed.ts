import type { Queryable } from '#libs/postgres/index'
import { auditGroup } from '../names.ts'

/** Up to when all that was decided has been applied, by whichever process of the group; undefined while that is not known. */
export async function followedUpTo(from: Queryable): Promise<Date | undefined> {
  const [row] = await from.query<{ up_to: Date | null; unknown: boolean | null }>(
    `SELECT min(up_to) AS up_to, bool_or(up_to = 'epoch') AS unknown FROM audit.followed
     WHERE follower = $1 OR starts_with(follower, $1 || ' ')`,
    [auditGroup],
  )
  return row === undefined || row.unknown !== false ? undefined : (row.up_to ?? undefined)
}
