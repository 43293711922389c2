import type { Operations } from '#libs/admin/index'

export const auditOperations = {
  'GET /audit/v1/records': 'audit.records.list',
  'GET /audit/v1/records/:id': 'audit.records.read',
  'GET /admin/v1/detections': 'detections.list',
  'GET /admin/v1/detections/:detection': 'detections.read',
  'POST /admin/v1/detections/:detection/acknowledge': 'detections.acknowledge',
  'POST /admin/v1/detections/:detection/mute': 'detections.mute',
  'POST /admin/v1/detections/:detection/unmute': 'detections.unmute',
} as const satisfies Operations
