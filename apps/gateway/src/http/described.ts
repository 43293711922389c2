import { z } from 'zod'
import type { AdminPart } from '#libs/admin/index'
import { deletedQuery } from './deleted.controller.ts'
import { gatewayOperations } from './operations.ts'
import { replayBody } from './requests.controller.ts'

const instant = z.iso.datetime()
const restored = z.object({
  id: z.string(),
  kind: z.enum(['User', 'Group']),
  name: z.string(),
  version: z.int(),
  createdAt: instant,
})
const deleted = restored.extend({ externalId: z.string().nullable(), deletedAt: instant, restorableUntil: instant })
const replayed = z.object({
  requestId: z.string(),
  replayOf: z.string(),
  request: z.object({ method: z.string(), path: z.string(), query: z.string(), body: z.unknown().optional() }),
  response: z.object({
    status: z.int(),
    headers: z.record(z.string(), z.string()),
    body: z.unknown().optional(),
  }),
  dialect: z.string().optional(),
  deviations: z.array(z.looseObject({ code: z.string(), pointer: z.string() })),
})

/** Each operation of the gateway's admin API: what it asks for, takes and answers. */
export const gatewayPart: AdminPart<typeof gatewayOperations> = {
  operations: gatewayOperations,
  described: {
    'GET /admin/v1/connections/:connection/deleted': {
      scope: 'deleted:read',
      concerns: 'connection',
      summary: 'List deleted users and groups that can be restored',
      query: deletedQuery,
      answers: { 200: z.object({ items: z.array(deleted), next: z.string().optional() }) },
    },
    'POST /admin/v1/connections/:connection/deleted/:id/restore': {
      scope: 'deleted:restore',
      concerns: 'connection',
      summary: 'Restore a deleted user or group; what stands already is left alone',
      answers: { 200: restored },
      refusals: ['conflict'],
    },
    'POST /admin/v1/requests/:request/replay': {
      scope: 'requests:replay',
      concerns: 'request',
      summary: 'Send a captured request of a sandbox again',
      body: replayBody,
      bodyOptional: true,
      answers: { 200: replayed },
    },
  },
}
