import type { Operations } from '#libs/admin/index'

/** Those that leave a record: what is looked up in the trail does not. */
export const auditOperations = {
  'GET /admin/v1/detections': 'detections.list',
  'GET /admin/v1/detections/:detection': 'detections.read',
  'POST /admin/v1/detections/:detection/acknowledge': 'detections.acknowledge',
  'POST /admin/v1/detections/:detection/mute': 'detections.mute',
  'POST /admin/v1/detections/:detection/unmute': 'detections.unmute',
} as const satisfies Operations
