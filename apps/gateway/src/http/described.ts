import { z } from 'zod'
import type { AdminPart } from '#libs/admin/index'
import { pagingQuery } from '#libs/http/index'
import { deletedQuery } from './deleted.controller.ts'
import { allowBody } from './guard.controller.ts'
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
const deleted = restored
  .extend({ externalId: z.string().nullable(), deletedAt: instant, restorableUntil: instant })
  .meta({ id: 'DeletedResource' })
const guard = z
  .object({
    connection: z.string(),
    state: z.enum(['counting', 'held', 'allowed', 'denied']),
    heldSince: instant.nullable(),
    tried: z.int(),
    examples: z.array(z.object({ kind: z.enum(['User', 'Group']), id: z.string() })),
    until: instant.nullable(),
    left: z.int().nullable(),
  })
  .meta({ id: 'Guard' })
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
  service: 'gateway',
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
      idempotent: true,
    },
    'GET /admin/v1/guard': {
      scope: 'guard:read',
      concerns: 'own',
      summary: 'List connections whose deactivations and deletions are held, allowed or denied',
      query: pagingQuery,
      answers: { 200: z.object({ items: z.array(guard), next: z.string().optional() }) },
    },
    'POST /admin/v1/guard/:connection/allow': {
      scope: 'guard:decide',
      concerns: 'connection',
      summary: 'Let deactivations and deletions of a connection pass, for a time or a number of them',
      body: allowBody,
      answers: { 200: guard },
      idempotent: true,
    },
    'POST /admin/v1/guard/:connection/deny': {
      scope: 'guard:decide',
      concerns: 'connection',
      summary: 'Refuse the deactivations and deletions of a connection',
      answers: { 200: guard },
      refusals: ['conflict'],
      idempotent: true,
    },
    'POST /admin/v1/requests/:request/replay': {
      scope: 'requests:replay',
      concerns: 'request',
      summary: 'Send a captured request of a sandbox again',
      body: replayBody,
      bodyOptional: true,
      answers: { 200: replayed },
      idempotent: true,
    },
  },
}
