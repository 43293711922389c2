import { z } from 'zod'
import type { AdminPart } from '#libs/admin/index'
import { environments, requestEvents } from '#libs/events/index'
import { detectionStates } from '../detections/detection.ts'
import { auditOperations } from './operations.ts'
import { detectionsQuery, muteBody, recordsQuery } from './queries.ts'

const record = requestEvents['request.decided'].extend({ id: z.string() }).meta({ id: 'AuditRecord' })

const instant = z.iso.datetime()
const detection = z
  .object({
    id: z.string(),
    rule: z.string(),
    severity: z.string(),
    state: z.enum(detectionStates),
    mutedUntil: instant.nullable(),
    acknowledgedAt: instant.nullable(),
    tenant: z.string().nullable(),
    connection: z.string().nullable(),
    environment: z.enum(environments).nullable(),
    subject: z.object({ kind: z.string(), id: z.string() }),
    count: z.int(),
    firstSeen: instant,
    lastSeen: instant,
    raisedAt: instant,
    raised: z.int(),
    requests: z.array(z.string()),
    cause: z.string(),
    fix: z.string(),
  })
  .meta({ id: 'Detection' })

/** Each of the service's operations: what it asks for, takes and answers. */
export const auditPart: AdminPart<typeof auditOperations> = {
  service: 'audit',
  operations: auditOperations,
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
    'GET /admin/v1/detections': {
      scope: 'detections:read',
      concerns: 'own',
      summary: 'List detections, what was raised last first',
      query: detectionsQuery,
      answers: { 200: z.object({ items: z.array(detection), next: z.string().optional() }) },
    },
    'GET /admin/v1/detections/:detection': {
      scope: 'detections:read',
      concerns: 'detection',
      summary: 'Show a detection, with its cause and what to do',
      answers: { 200: detection },
    },
    'POST /admin/v1/detections/:detection/acknowledge': {
      scope: 'detections:write',
      concerns: 'detection',
      summary: 'Say that a detection was seen to',
      answers: { 200: detection },
      idempotent: true,
    },
    'POST /admin/v1/detections/:detection/mute': {
      scope: 'detections:write',
      concerns: 'detection',
      summary: 'Have a detection told no more, for a time or for good',
      body: muteBody,
      bodyOptional: true,
      answers: { 200: detection },
      idempotent: true,
    },
    'POST /admin/v1/detections/:detection/unmute': {
      scope: 'detections:write',
      concerns: 'detection',
      summary: 'End the mute of a detection',
      answers: { 200: detection },
      idempotent: true,
    },
  },
}
