/** The services that publish. */
export const eventSources = ['gateway', 'keys', 'directory', 'audit'] as const
export type EventSource = (typeof eventSources)[number]
