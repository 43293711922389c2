import type { EventSource } from './envelope.ts'
import type { EventFamily } from './names.ts'

/** Where events are published: one topic for what belongs together, so that who follows people need not read past requests. */
export const topics = {
  trust: { families: ['tenant', 'connection', 'key', 'rotation', 'data-key', 'admin-token'], sources: ['keys'] },
  people: { families: ['user', 'group'], sources: ['gateway'] },
  // Not with the keys that they are of: what the gateway goes by there has one publisher, whose marks prove that it is complete.
  requests: { families: ['request', 'key-digest'], sources: ['gateway', 'keys'] },
} as const satisfies Record<string, { families: readonly EventFamily[]; sources: readonly EventSource[] }>

export type Topic = keyof typeof topics

export const topicNames = Object.keys(topics) as readonly Topic[]

const topicOfFamily = new Map(
  topicNames.flatMap((topic) => topics[topic].families.map((family): [string, Topic] => [family, topic])),
)

/** Undefined for a name of no family. */
export function topicOf(name: string): Topic | undefined {
  return topicOfFamily.get(name.slice(0, name.indexOf('.')))
}
