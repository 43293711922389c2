import { z } from 'zod'
import { dataKeyEvents, keyDigestEvents } from './data-keys.ts'
import { detectionEvents } from './detections.ts'
import { logMarked, markName } from './mark.ts'
import type { EventName } from './names.ts'
import { guardEvents } from './guard.ts'
import { groupEvents, userEvents } from './people.ts'
import { requestEvents } from './requests.ts'
import { adminTokenDigestEvents, adminTokenEvents } from './admin-tokens.ts'
import { rotationEvents, rotationPolicyEvents } from './rotations.ts'
import { connectionEvents, keyEvents, tenantEvents } from './trust.ts'

/** The one list of what Latchkey publishes; types, run-time checks and JSON Schemas all come from it. */
export const payloadSchemas = {
  ...tenantEvents,
  ...connectionEvents,
  ...keyEvents,
  ...rotationEvents,
  ...rotationPolicyEvents,
  ...dataKeyEvents,
  ...keyDigestEvents,
  ...userEvents,
  ...groupEvents,
  ...requestEvents,
  ...guardEvents,
  ...detectionEvents,
  ...adminTokenEvents,
  ...adminTokenDigestEvents,
} as const

export type Payload<Name extends EventName> = z.infer<(typeof payloadSchemas)[Name]>

/** JSON Schema 2020-12 of one event's payload, or a mark's. A reader must ignore properties that it does not know. */
export function jsonSchemaOf(name: EventName | typeof markName): Record<string, unknown> {
  const schema = z.toJSONSchema(name === markName ? logMarked : payloadSchemas[name], {
    target: 'draft-2020-12',
    io: 'input',
  })
  return { $id: `urn:latchkey:event:${name}:1`, title: name, ...schema }
}
