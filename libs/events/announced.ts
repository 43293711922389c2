import type { AnyEvent } from './envelope.ts'

/** Names of what can make a service refuse what it accepted until now: told on the channel, too, to reach all at once. */
export const announcedEvents = [
  'key.revoked',
  'key.expired',
  'key.cancelled',
  'connection.changed',
  'admin-token.revoked',
] as const

export type Announced = Extract<AnyEvent, { name: (typeof announcedEvents)[number] }>

/** Of the changes of a connection only that it is disabled. */
export function isAnnounced(event: AnyEvent): event is Announced {
  if (event.name === 'connection.changed') return event.payload.state === 'disabled'
  return (announcedEvents as readonly string[]).includes(event.name)
}
