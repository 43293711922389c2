/** The services that publish. */
export const eventSources = ['gateway', 'keys', 'audit'] as const
export type EventSource = (typeof eventSources)[number]
