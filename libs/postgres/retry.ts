import { isTransient } from './failures.ts'

const attempts = 5

/**
 * Runs a transaction, and begins it anew while it fails by a deadlock or a serialization failure, five times in all; then rejects with
 * that. What it does outside of the database it must be able to do again.
 */
export async function retryTransient<T>(transaction: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await transaction()
    } catch (error) {
      if (!isTransient(error) || attempt === attempts) throw error
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 20 * attempt))
    }
  }
}
