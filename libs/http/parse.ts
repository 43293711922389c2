import type { ZodType } from 'zod'
import { problems } from './problem.ts'

/**
 * The value as the schema gives it, defaults applied.
 * @throws Problem `invalid`, with a JSON pointer to each fault
 */
export function parse<T>(schema: ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  throw problems.invalid(parsed.error.issues)
}
