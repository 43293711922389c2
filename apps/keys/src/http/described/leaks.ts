import { leaksShown } from '../answer-schemas.ts'
import { leakReport } from '../leaks.controller.ts'
import type { NounOperations } from './noun-operations.ts'

export const leaks = {
  'POST /leaks': {
    scope: 'open',
    concerns: 'all',
    summary: 'Revoke leaked keys with themselves',
    body: leakReport,
    answers: { 200: leaksShown },
    refusals: ['tooManyRequests'],
  },
} satisfies NounOperations
