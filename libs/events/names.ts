import { payloadSchemas } from './payloads.ts'

export type EventName = keyof typeof payloadSchemas

export const eventNames = Object.keys(payloadSchemas) as readonly EventName[]

export const families = [
  'tenant',
  'connection',
  'key',
  'rotation',
  'rotation-policy',
  'data-key',
  'key-digest',
  'user',
  'group',
  'request',
  'guard',
  'detection',
  'admin-token',
  'admin-token-digest',
] as const
export type EventFamily = (typeof families)[number]

/** One name, or a whole family such as `user.*`: all that is said of one kind of subject, in order. */
export type EventPattern = EventName | `${EventFamily}.*`

export function familyOf(name: EventName): EventFamily {
  return name.slice(0, name.indexOf('.')) as EventFamily
}

export function hears(pattern: EventPattern, name: EventName): boolean {
  return pattern === name || pattern === `${familyOf(name)}.*`
}
