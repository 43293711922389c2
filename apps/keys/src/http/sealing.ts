import { problems } from '#libs/http/index'
import { SealingError } from '#libs/sealing/index'

/** What could not be sealed or opened is told to the operator, who alone can mend it. Throws Problem `unavailable`. */
export async function sealing<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (error instanceof SealingError) throw problems.unavailable(error.message, 5)
    throw error
  }
}
