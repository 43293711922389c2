import { type Database, isTransient, type Transaction } from '#libs/postgres/index'

const attempts = 5

/** A transaction of an administrator's write: begun anew where it met with another one. A group of very many members takes its time. */
export async function adminTransaction<T>(
  database: Database,
  work: (transaction: Transaction) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await database.transaction(work, 'nobody waits')
    } catch (error) {
      if (!isTransient(error) || attempt === attempts) throw error
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 20 * attempt))
    }
  }
}
