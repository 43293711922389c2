import type { AdminPart, Operation } from '#libs/admin/index'
import type { keysOperations } from '../operations.ts'

/** Of the table of operations, those of one noun: names none that the service does not have. */
export type NounOperations = Partial<AdminPart<typeof keysOperations>['described']>

/** An operation that shows one thing, with its ETag. */
export const read = (
  what: string,
  of: Pick<Operation, 'scope' | 'concerns'>,
  answer: Operation['answers'][number],
): Operation => ({
  ...of,
  summary: what,
  answers: { 200: answer },
  tagged: true,
})
