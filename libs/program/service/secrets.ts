import { join } from 'node:path'
import { type Waiting, waitFor } from './waiting.ts'

class NotThereYet extends Error {
  override readonly name = 'NotThereYet'
}

/**
 * A secret that the keys service makes, from the file it keeps it in; waits until there is one. No other service makes any: two
 * services with different ones would refuse all that the other accepts.
 */
export async function keptSecret<T>(
  folder: string,
  file: 'peppers' | 'admin-token',
  variable: string,
  read: (folder: string) => T | undefined,
  waiting: Waiting,
): Promise<T> {
  const path = join(folder, file)
  return waitFor(
    `the file ${path}, which the keys service makes (or set ${variable})`,
    async () => {
      const secret = read(folder)
      if (secret === undefined) throw new NotThereYet('it is not there')
      return secret
    },
    (error) => error instanceof NotThereYet,
    waiting,
  )
}
