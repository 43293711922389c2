import { listOf, pepperShown } from '../answer-schemas.ts'
import type { NounOperations } from './noun-operations.ts'

export const peppers = {
  'GET /admin/v1/peppers': {
    scope: 'keys:read',
    concerns: 'all',
    summary: 'List the versions of the peppers, with how many keys and admin tokens need each',
    answers: { 200: listOf(pepperShown) },
  },
} satisfies NounOperations
