import { z } from 'zod'
import type { AdminPart } from '#libs/admin/index'
import { requestEvents } from '#libs/events/index'
import { recordsQuery } from './queries.ts'

const operations = {
  'GET /audit/v1/records': 'audit.records.list',
  'GET /audit/v1/records/:id': 'audit.records.read',
} as const

const record = requestEvents['request.decided'].extend({ id: z.string() })

/** Each of the trail's operations: what it asks for, takes and answers. */
export const auditPart: AdminPart<typeof operations> = {
  operations,
  described: {
    'GET /audit/v1/records': {
      scope: 'audit:read',
      concerns: 'own',
      summary: 'List what became of requests, the newest first',
      query: recordsQuery,
      answers: { 200: z.object({ items: z.array(record), next: z.string().optional() }) },
    },
    'GET /audit/v1/records/:id': {
      scope: 'audit:read',
      concerns: 'own',
      summary: 'Show what became of a request',
      answers: { 200: record },
      refusals: ['notFound'],
    },
  },
}
