import { dataKeysShown, rewrapped } from '../answer-schemas.ts'
import { rewrapBatch } from '../data-keys.controller.ts'
import type { NounOperations } from './noun-operations.ts'

export const dataKeys = {
  'GET /admin/v1/data-keys': {
    scope: 'data-keys:read',
    concerns: 'all',
    summary: 'Count the data keys, and those not wrapped by the present KEK',
    answers: { 200: dataKeysShown },
  },
  'POST /admin/v1/data-keys/rewrap': {
    scope: 'data-keys:rewrap',
    concerns: 'all',
    summary: 'Wrap a batch of data keys by the present KEK',
    body: rewrapBatch,
    bodyOptional: true,
    answers: { 200: rewrapped },
    idempotent: true,
  },
} satisfies NounOperations
