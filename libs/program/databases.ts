import { Database } from '#libs/postgres/index'

/** A database that does not answer for so many milliseconds, and a second, is given up on: the request is answered 503. */
export const statementTimeout = 4_000

/** A follower may have much to do at once: delete a connection with all its people. */
const workTimeout = 120_000

/** A service's pool. Its statements have one right plan each, by index, whatever the statistics say of tables that are still small. */
export function openDatabase(
  url: string,
  service: string,
  connections: number,
  onFailure: (error: unknown) => void,
): Database {
  return new Database({
    url,
    applicationName: `latchkey ${service}`,
    connections,
    onIdleFailure: onFailure,
    settings: { enable_seqscan: 'off', jit: 'off' },
    statementTimeout,
    workTimeout,
  })
}
